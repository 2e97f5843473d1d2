/** From chevrotain's exceptions to nda's diagnostics: what was being parsed, the first surprise, and the mend where it is certain. */
import { EOF, type IParserErrorMessageProvider, type IRecognitionException, type IToken } from "chevrotain"
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import type { Expr } from "./ast.ts"
import { startsDeclaration, startsStatement } from "./recovery.ts"
import { closes, endsOperand, Float, hardKeywords, Id, Int, K, opens, S, Str, vocabulary, type Token } from "./tokens.ts"

/** A token's place among the others, and where the statement or declaration that holds it begins. */
export interface Place {
  readonly file: string
  readonly text: string
  readonly tokens: readonly Token[]
  readonly at: number
  readonly start: number
}

/** The exception's message carries only the name of the type that was wanted; the words are made in `explain`. */
export const messageProvider: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => expected.name,
  buildNotAllInputParsedMessage: () => "",
  buildNoViableAltMessage: () => "",
  buildEarlyExitMessage: () => "",
}

const typeNamed = new Map([...vocabulary, EOF].map((type) => [type.name, type]))

/** What a rule makes, in words, and what it wants first. */
const rules: ReadonlyMap<string, { readonly where: string; readonly wants?: string; readonly item?: string }> = new Map([
  ["import", { where: " in this import" }],
  ["modulePath", { where: " in this import", wants: 'a module such as `nda.image`, or "a path"' }],
  ["importName", { where: " in this import" }],
  ["const", { where: " in this `const`" }],
  ["typeAlias", { where: " in this `type`" }],
  ["function", { where: " in the head of this declaration" }],
  ["params", { where: " in the parameters", item: "a parameter's name" }],
  ["param", { where: " in the parameters" }],
  ["entryParams", { where: " in the parameters", item: "a parameter's name" }],
  ["entryParam", { where: " in the parameters", wants: "a parameter" }],
  ["body", { where: " before the body", wants: "`=` or `{`" }],
  ["model", { where: " in this `model`" }],
  ["data", { where: " in this `data`" }],
  ["entry", { where: " in the head of this entry" }],
  ["train", { where: " in this `train`" }],
  ["step", { where: " in the head of this `step`" }],
  ["let", { where: " in this `let`", wants: "`:`, `=` or `~`" }],
  ["slot", { where: " in this declaration of a slot" }],
  ["assignment", { where: " in this statement" }],
  ["minimize", { where: " in this `minimize`" }],
  ["save", { where: " in this `save`" }],
  ["names", { where: " in this list of names" }],
  ["pattern", { where: "", wants: "a name, or names in parentheses" }],
  ["binder", { where: "" }],
  ["baseType", { where: "", wants: "a type" }],
  ["recordType", { where: " in this record type" }],
  ["fieldType", { where: " in this record type" }],
  ["dims", { where: " in these dimensions" }],
  ["dim", { where: " in these dimensions", wants: "a size" }],
  ["sizeAtom", { where: "", wants: "a size (a number, a name or a size in parentheses)" }],
  ["lambda", { where: " in this function" }],
  ["coord", { where: " in this function's coordinates" }],
  ["call", { where: " in the arguments of this call", item: "an argument" }],
  ["argument", { where: " in the arguments of this call", wants: "an argument" }],
  ["index", { where: " in this index" }],
  ["slice", { where: " in this index", wants: "an index" }],
  ["expr", { where: "", wants: "an expression" }],
  ["operand", { where: "", wants: "an expression" }],
  ["parentheses", { where: " in these parentheses" }],
  ["list", { where: " in this list" }],
  ["record", { where: " in this record" }],
  ["field", { where: " in this record" }],
  ["if", { where: " in this `if`" }],
  ["loop", { where: " in this `loop`" }],
  ["statement", { where: "", wants: "a statement" }],
])

/** Words of other languages, where no name could stand. */
const habits: ReadonlyMap<string, { readonly instead: string; readonly write?: string; readonly alone?: boolean }> = new Map([
  ["def", { instead: "a function is declared with `fn name(x: T) -> U { … }`", write: "fn" }],
  ["function", { instead: "a function is declared with `fn`", write: "fn" }],
  ["return", { instead: "the last expression of a suite is its value", write: "" }],
  ["var", { instead: "a value is named with `let`", write: "let" }],
  ["val", { instead: "a value is named with `let`", write: "let" }],
  ["elif", { instead: "write `else if`", write: "else if" }],
  ["while", { instead: "a loop carries a value over a list: `loop h = start for i in 0..n { … }`" }],
  ["for", { instead: "a loop carries a value: `loop h = start for i in 0..n { … }`" }],
  ["class", { instead: "what owns parameters is a `block`" }],
  ["lambda", { instead: "a function without a name is written `fn (x) => …`" }],
  ["then", { instead: "the branches of an `if` stand in braces" }],
])

const spanOf = ({ file, text, tokens }: Place, token: IToken): Span => {
  if (token.tokenType !== EOF) return { file, start: token.startOffset, end: token.endOffset! + 1 }
  const end = lastRealToken(tokens)?.endOffset
  const at = end === undefined ? text.length : end + 1
  return { file, start: at, end: at }
}
const lastRealToken = (tokens: readonly Token[]): Token | undefined => tokens.findLast((token) => token.tokenType !== EOF)

const found = (token: IToken): string =>
  token.tokenType === EOF ? "the end of the file" : token.tokenType === Str ? "a string" : `\`${token.image.length > 40 ? `${token.image.slice(0, 37)}...` : token.image}\``

const startsOperand = (token: IToken): boolean =>
  [Id, Int, Float, Str, S.LParen, S.LBracket, S.LBrace, K.true, K.false, K.if, K.loop].includes(token.tokenType)

/** The bracket opened last and still open before `at`, looking no further back than `from`. */
const openBracket = (tokens: readonly Token[], from: number, at: number): Token | undefined => {
  const open: Token[] = []
  for (let i = from; i < at; i++) {
    if (opens(tokens[i]!)) open.push(tokens[i]!)
    else if (closes(tokens[i]!)) open.pop()
  }
  return open[open.length - 1]
}
const closerOf = (opener: IToken): string => (opener.image === "(" ? ")" : opener.image === "[" ? "]" : "}")

/** `def f`, `return x`, `x then`: a word of another language right before the surprise, at it, or at the start of its line. */
const habit = (place: Place, allowed: boolean): Diagnostic | undefined => {
  const { tokens, at } = place
  let opensLine = at
  while (opensLine > 0 && tokens[opensLine]!.tokenType !== EOF && !tokens[opensLine]!.first) opensLine--
  for (const token of [tokens[opensLine], tokens[at - 1], tokens[at]]) {
    if (token === undefined || (token.tokenType !== Id && token.tokenType !== K.for)) continue
    const known = habits.get(token.image)
    if (known === undefined || (token.tokenType === K.for && !allowed)) continue
    const after = tokens[tokens.indexOf(token) + 1]
    const span = spanOf(place, token)
    if (known.write === undefined) return say.otherLanguage(span, token.image, known.instead)
    const whole = known.write === "" && after !== undefined && after.tokenType !== EOF ? { ...span, end: after.startOffset } : span
    const text = known.write === "" ? "leave the word out" : `write \`${known.write}\``
    return say.otherLanguage(span, token.image, known.instead, { text, span: whole, replacement: known.write })
  }
  return undefined
}

/** An `=` or an arrow of the wrong kind. */
const confused = (place: Place, token: IToken, wanted: string, rule: string): Diagnostic | undefined => {
  const span = spanOf(place, token)
  const image = token.image
  if (image === "==" && (wanted === "Equal" || rule === "let" || rule === "body")) return say.mistakenFor(span, "==", "=", "`==` compares")
  if (image === "->" && wanted === "FatArrow") return say.mistakenFor(span, "->", "=>", "`->` stands before the type of a result")
  if (image === "=>" && rule === "body") return say.mistakenFor(span, "=>", "=", "`=>` stands in functions without a name")
  if (image === "=" && wanted === "FatArrow") return say.mistakenFor(span, "=", "=>", "the body of a function without a name stands after `=>`")
  if (image === "=" && (wanted === "LBrace" || wanted === "RParen" || wanted === "RBracket") && rule !== "params") return say.mistakenFor(span, "=", "==", "`=` names, `==` compares")
  if (image === ":" && rule === "body") return say.mistakenFor(span, ":", "->", "the type of a result stands after `->`, a body in braces or after `=`")
  if (image === "=" && rule === "record") return say.mistakenFor(span, "=", ":", "a record's fields are written `name: value`")
  if (image === "=" && rule === "baseType" && place.tokens[place.at - 1]?.tokenType === S.Colon) {
    const colon = spanOf(place, place.tokens[place.at - 1]!)
    if (colon.end === span.start) return say.mistakenFor({ ...span, start: colon.start }, ":=", "=", "a new name is bound with `=`")
  }
  return undefined
}

/** The diagnostic for a mismatch or a dead end. */
export const explain = (exception: IRecognitionException, place: Place): Diagnostic => {
  const { tokens, at } = place
  const stack = exception.context.ruleStack
  const rule = stack[stack.length - 1]!.replace(/~.*$/, "")
  const token = exception.token
  const previous = tokens[at - 1]
  const span = spanOf(place, token)
  const wanted = exception.name === "MismatchedTokenException" ? exception.message : ""
  const parent = stack[stack.length - 2]?.replace(/~.*$/, "") ?? ""
  const words = rules.get(rule === "suite" ? parent : rule) ?? { where: "" }

  const swapped = confused(place, token, wanted, rule)
  if (swapped !== undefined) return swapped
  const foreign = habit(place, false)
  if (foreign !== undefined) return foreign

  const isWord = hardKeywords.has(token.image) && token.tokenType !== Id
  if ((wanted === "Id" || rule === "pattern") && isWord) return say.keywordAsName(span, token.image, `${token.image}_`)

  const opener = openBracket(tokens, place.start, at)
  const ended = token.tokenType === EOF || startsDeclaration(tokens, at) || startsStatement(token) || (closes(token) && token.image !== (opener && closerOf(opener)))
  const wantsCloser = wanted === "RParen" || wanted === "RBracket" || wanted === "RBrace"
  if (opener !== undefined && previous !== undefined && (wantsCloser || endsOperand(previous) || previous.tokenType === S.Comma || previous === opener)) {
    const closer = closerOf(opener)
    const fresh = (token as Token).first && !startsOperand(token) && token.tokenType !== S.Comma
    if (ended || (wantsCloser && (fresh || token.tokenType === S.LBrace))) {
      const after = { file: place.file, start: previous.endOffset + 1, end: previous.endOffset + 1 }
      const outer = openBracket(tokens, place.start, tokens.indexOf(opener))
      const ours = openBracket(tokens, 0, tokens.indexOf(opener))
      const around = outer ?? ours
      const next = tokens[at + 1]
      const outerClosesNext = around !== undefined && next !== undefined && next.image === closerOf(around) && around.image !== "{"
      if (closes(token) && (around === undefined || closerOf(around) !== token.image || outerClosesNext)) {
        return say.wrongCloser(span, spanOf(place, opener), opener.image, closer, token.image)
      }
      return say.unclosed(after, spanOf(place, opener), opener.image, closer, found(token), closer)
    }
    if (wantsCloser && startsOperand(token) && endsOperand(previous)) {
      const after = { file: place.file, start: previous.endOffset + 1, end: previous.endOffset + 1 }
      return say.expected(span, `\`,\` or \`${closer}\``, words.where, found(token), { hint: { text: "insert `,`", edit: { span: after, replacement: "," } } })
    }
    if (wantsCloser) return say.expected(span, `${previous === opener ? (words.item ?? "an expression") : "`,`"} or \`${closer}\``, words.where, found(token))
  }
  if (rule === "operand" && (token.tokenType === K.fn || token.tokenType === K.at)) {
    return say.expected(span, "an operand", "", found(token), { notes: ["a function without a name stands in parentheses there: `(fn (x) => …)`"] })
  }
  if (rule === "operand" && token.tokenType === S.LBrace) return insideBraces(place)
  if (rule === "import" && token.tokenType === K.from && previous?.tokenType === Id) {
    return say.expected(span, "`as`", words.where, found(token), { hint: { text: `names are imported so: \`from module import ${previous.image}\`` } })
  }
  const insert = mendByInserting(rule, parent, wanted, token, previous)
  const after = previous === undefined ? span : { file: place.file, start: previous.endOffset + 1, end: previous.endOffset + 1 }
  const mend = insert === undefined ? {} : { hint: { text: `insert \`${insert}\``, edit: { span: after, replacement: ` ${insert}` } } }
  const label = wanted === "" ? (words.wants ?? "something else") : (typeNamed.get(wanted)?.LABEL ?? wanted)
  const operator = wanted === "" && rule === "operand" && previous !== undefined && !endsOperand(previous) && !opens(previous)
  const where = operator ? ` after \`${previous.image}\`` : words.where
  return say.expected(span, label, where, found(token), mend)
}

/** `save G D`: the second name would be the suite's value. */
export const missingComma = (place: Place): Diagnostic => {
  const token = place.tokens[place.at]!
  const end = place.tokens[place.at - 1]!.endOffset + 1
  const hint = { text: "insert `,`", edit: { span: { file: place.file, start: end, end }, replacement: "," } }
  return say.expected(spanOf(place, token), "`,`", " in this `save`", found(token), { hint })
}

/** The word or sign that is surely missing before the surprise. */
const mendByInserting = (rule: string, parent: string, wanted: string, token: IToken, previous: Token | undefined): string | undefined => {
  if (!startsOperand(token)) return undefined
  if (wanted === "Equal" && token.tokenType !== S.LBrace && previous?.tokenType === Id) return "="
  if (rule === "body" && previous?.tokenType === S.RParen && token.tokenType === Id) return "->"
  if (parent === "step" && wanted === "LBrace" && (token.tokenType === Int || token.tokenType === Id)) return "repeat"
  if (wanted === "K_by" && token.tokenType === Id) return "by"
  if (wanted === "K_over" && token.tokenType === Id) return "over"
  return undefined
}

/** `{` begins neither a record nor a suite: the token after its first word says which was meant. */
const insideBraces = (place: Place): Diagnostic => {
  const word = place.tokens[place.at + 1]!
  const token = place.tokens[place.at + 2]!
  const span = spanOf(place, token)
  if (token.image === "=") return say.mistakenFor(span, "=", ":", "a record's fields are written `name: value`")
  if (word.tokenType === EOF || token.tokenType === EOF) return say.expected(spanOf(place, word), "`}`", "", found(word))
  return say.expected(span, `\`:\` or an operator`, ` after \`${word.image}\``, found(token))
}

/** How the contextual keywords are used, for one that stands as a name where no name can. */
const usage: ReadonlyMap<string, string> = new Map([
  ["every", "every 1000 { … }"], ["step", "step name { … }"], ["save", "save M"], ["report", "report { name: value }"], ["next", "next s = value"],
  ["term", "term name = value"], ["state", "state s: T = value"], ["param", "param p: T = value"], ["model", "model M = block()"],
  ["data", "data name: T = source"], ["train", "train name(b in source) { … }"], ["graph", "graph name(x: T) = value"], ["eval", "eval name(b in source) { … }"],
  ["loss", "loss name(x: T) = value"], ["block", "block name(x: T) -> U { … }"], ["augment", "augment name(img: Field[c; h, w]) -> Field[c; h, w] { … }"],
  ["type", "type Name[n] = f32[n]"], ["negative", "negative augment name(…) …"],
])
const usageOf = (...tokens: readonly (Token | undefined)[]): string[] => {
  for (const token of tokens) {
    const written = token?.tokenType === Id ? usage.get(token.image) : undefined
    if (written !== undefined) return [`\`${token!.image}\` is written so: ${written}`]
  }
  return []
}

/** What stands in a suite (or `train`) opened at `open` and is neither a statement nor its end; `result` is the expression before it. */
export const unexpectedInSuite = (place: Place, open: number, result: Expr | undefined): Diagnostic => {
  const { tokens, at } = place
  const token = tokens[at]!
  const previous = tokens[at - 1]
  const span = spanOf(place, token)
  const opener = tokens[open]!
  const step = (token.tokenType === K.step || token.tokenType === K.every) && opener.tokenType === S.LBrace && inTrain(place, open)
  if (token.tokenType === EOF || startsDeclaration(tokens, at) || step) {
    const after = { file: place.file, start: previous!.endOffset + 1, end: previous!.endOffset + 1 }
    return say.unclosed(after, spanOf(place, opener), "{", "}", token.tokenType === EOF ? found(token) : `${step ? "" : "the declaration "}\`${token.image} ${tokens[at + 1]?.image ?? ""}\``, "\n}")
  }
  const swapped = token.image === "=" && previous?.tokenType === Id && result !== undefined
    ? say.otherLanguage(span, "=", "alone does not bind", { text: `write \`let ${previous.image} = …\``, span: { ...span, start: previous.startOffset, end: previous.startOffset }, replacement: "let " })
    : undefined
  if (swapped !== undefined) return { ...swapped, message: "a name is bound with `let`" }
  const foreign = habit(place, true)
  if (foreign !== undefined) return foreign
  if (token.tokenType === S.Semicolon) return say.otherLanguage(span, ";", "a line ends where it ends", { text: "remove it", replacement: "" })
  if (closes(token)) return say.closesNothing(span, token.image)
  if (token.tokenType === K.else) return say.misplaced(span, "this `else` follows no `if`")
  if (result !== undefined && result.kind !== "error" && (startsStatement(token) || (startsOperand(token) && token.first))) {
    return say.misplaced(span, "a suite's value is its last expression; something follows it here", [{ span: result.span, text: "this value would be lost" }], {
      notes: ["name it with `let`, join the two, or close the suite before it"],
    })
  }
  if (startsStatement(token)) return say.misplaced(span, `\`${token.image}\` cannot stand here`, [], { notes: ["`step` and `every` stand in a `train`, all other statements in a suite"] })
  return say.expected(span, result === undefined ? "a statement, an expression or `}`" : "an operator or the end of the suite", "", found(token), {
    notes: usageOf(previous, token),
  })
}

const declarationWords = ["const", "type", "fn", "block", "loss", "augment", "negative", "model", "data", "graph", "eval", "train", "from", "import"]

/** True if a bracket opened at `open` stands in the suite of a `train`. */
const inTrain = ({ tokens }: Place, open: number): boolean => {
  for (let i = open - 1; i >= 0; i--) if (tokens[i]!.tokenType === K.train || startsDeclaration(tokens, i)) return tokens[i]!.tokenType === K.train
  return false
}

/** What stands at the top of a file and begins no declaration. */
export const unexpectedAtTop = (place: Place): Diagnostic => {
  const { tokens, at } = place
  const token = tokens[at]!
  const span = spanOf(place, token)
  const foreign = habit(place, true)
  if (foreign !== undefined) return foreign
  if (token.tokenType === K.import || token.tokenType === K.from) return say.misplaced(span, "imports come first, before all declarations")
  if (closes(token)) return say.closesNothing(span, token.image)
  if (token.tokenType === S.Semicolon) return say.otherLanguage(span, ";", "a line ends where it ends", { text: "remove it", replacement: "" })
  if (token.tokenType === K.let) return say.misplaced(span, "`let` stands in suites; at the top of a file a value is a `const`", [], { hint: { text: "write `const`", edit: { span, replacement: "const" } } })
  if (startsStatement(token)) return say.misplaced(span, `\`${token.image}\` cannot stand at the top of a file`, [], { notes: ["`step` and `every` stand in a `train`, other statements in a suite"] })
  const near = token.tokenType === Id ? suggest(token.image, declarationWords) : undefined
  const written = usageOf(token)
  return say.expected(span, "a declaration", "", found(token), {
    notes: written.length > 0 ? written : ["declarations begin with const, type, fn, block, loss, augment, model, data, graph, eval or train"],
    ...(near === undefined ? {} : { hint: { text: `did you mean \`${near}\`?`, edit: { span, replacement: near } } }),
  })
}
