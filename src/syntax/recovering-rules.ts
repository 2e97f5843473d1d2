/** The parser's layer that goes on after a mistake: reports it once, skips to where reading can go on, keeps what names can be kept. */
import { EOF, isRecognitionException, type IRecognitionException } from "chevrotain"
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Expr, Statement } from "./ast.ts"
import { explain, unexpectedInSuite, type Place } from "./parse-errors.ts"
import { boundary, startsDeclaration } from "./recovery.ts"
import { Id, K, S, type Token } from "./tokens.ts"
import { tooDeep, TypeRules } from "./type-rules.ts"

/** After so many mistakes the rest of the file is not read. */
export const faultLimit = 100

/** A reported mistake and where the statement or declaration that holds it begins. */
export interface Fault {
  readonly diagnostic: Diagnostic
  readonly from: number
  readonly token: number
}

export class RecoveringRules extends TypeRules {
  protected text = ""
  /** The number of tokens, without the end marks that chevrotain adds. */
  protected count = 0
  protected faults: Fault[] = []
  /** True inside a `step` or `every` of a `train`. */
  protected inStep = false
  /** The number of faults when the present declaration began. */
  protected faultsBefore = 0

  /** Chevrotain's place in the tokens, which its typings hide (11.2 is pinned): the index of `LA(1)`. */
  protected get cursor(): number {
    return (this as unknown as { currIdx: number }).currIdx + 1
  }
  protected set cursor(index: number) {
    ;(this as unknown as { currIdx: number }).currIdx = index - 1
  }

  protected place(start: number): Place {
    return { file: this.file, text: this.text, tokens: this.input as Token[], at: this.cursor, start }
  }

  /** True at the end, at the next declaration, and in a step's suite at the next step. */
  protected atBoundary(): boolean {
    const token = this.LA(1)
    return token.tokenType === EOF || startsDeclaration(this.input, this.cursor) || (this.inStep && (token.tokenType === K.step || token.tokenType === K.every))
  }

  /** Records one mistake per place; a second one at the same token only follows from the first. */
  protected fault(diagnostic: Diagnostic, start: number): void {
    const last = this.faults[this.faults.length - 1]
    if (this.faults.length <= faultLimit && (last === undefined || last.token < this.cursor)) this.faults.push({ diagnostic, from: this.input[start]?.startOffset ?? 0, token: this.cursor })
  }

  /** Runs a rule; on a mistake in it, reports and skips to the next boundary. */
  protected guarded<A>(level: "statement" | "declaration", body: () => A): A | undefined {
    const start = this.cursor
    const depth = this.depth
    try {
      return body()
    } catch (exception) {
      if (!isRecognitionException(exception as Error)) throw exception
      this.depth = depth
      if (level === "declaration") this.inStep = false
      // A declaration cut short by the next one, after a mistake in it, follows from that mistake.
      const follows = this.atBoundary() && this.faults.length > this.faultsBefore
      if ((exception as Error).message !== tooDeep && !follows) this.fault(explain(exception as IRecognitionException, this.place(start)), start)
      this.skip(level, start)
      return undefined
    }
  }

  /** Goes to the next boundary (after too many mistakes, to the end); always past `start`, unless a boundary stands there. */
  protected skip(level: "statement" | "declaration", start: number): void {
    if (this.faults.length > faultLimit) {
      this.cursor = this.count
      return
    }
    const to = boundary(this.input, this.text, this.cursor, start, level)
    const stays = to === start && this.input[to]!.tokenType !== S.RBrace && !this.atBoundary()
    this.cursor = stays ? boundary(this.input, this.text, start + 1, start, level) : to
  }

  protected errorHere(): Expr {
    const at = this.LA(0).endOffset ?? 0
    return { kind: "error", span: { file: this.file, start: at, end: at } }
  }

  /** For a `let` that cannot be read: its name with an error value, so that uses of it are not reported too. */
  protected salvagedLet(start: number): Statement | undefined {
    const name = this.input[start + 1]!
    if (this.input[start]!.tokenType !== K.let || name.tokenType !== Id) return undefined
    const span = this.since(this.input[start]!.startOffset)
    const named = this.named(name)
    return { kind: "let", span, pattern: { kind: "name", span: named.span, name: named }, type: undefined, draws: false, value: this.errorHere() }
  }

  /** The closing `}`; where the next declaration or the end stands instead, it is taken as closed, after one report. */
  protected close(open: number, start: number): void {
    if (this.RECORDING_PHASE || !this.atBoundary()) {
      this.CONSUME9(S.RBrace)
      return
    }
    if (this.faults.length === this.faultsBefore || this.inStep) this.fault(unexpectedInSuite(this.place(start), open, undefined), start)
  }
}
