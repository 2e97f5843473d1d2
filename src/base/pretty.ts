/** Documents that choose their own line breaks (Wadler's prettier printer, Lindig's strict variant). */

export type Doc =
  | string
  | readonly Doc[]
  /** A space (`flat`) or nothing, or a new line where the group around it is broken; a hard one is always a new line. */
  | { readonly kind: "line"; readonly flat: string; readonly hard: boolean; readonly blank: boolean }
  /** Two further columns, where the group around it is broken: what is broken inside a flat one begins at that one's line. */
  | { readonly kind: "indent"; readonly doc: Doc }
  /** On one line if it fits, unless it is broken from the start. */
  | { readonly kind: "group"; readonly doc: Doc; readonly broken: boolean }
  | { readonly kind: "choice"; readonly broken: Doc; readonly flat: Doc }
  /** Text that ends its line: a new line follows before any other text, even in a group that is not broken. */
  | { readonly kind: "last"; readonly text: string }

export const line: Doc = { kind: "line", flat: " ", hard: false, blank: false }
export const softLine: Doc = { kind: "line", flat: "", hard: false, blank: false }
export const hardLine: Doc = { kind: "line", flat: "", hard: true, blank: false }
/** A new line with an empty one before it. */
export const blankLine: Doc = { kind: "line", flat: "", hard: true, blank: true }
export const indent = (doc: Doc): Doc => ({ kind: "indent", doc })
export const group = (doc: Doc, broken = false): Doc => ({ kind: "group", doc, broken })
export const choice = (broken: Doc, flat: Doc): Doc => ({ kind: "choice", broken, flat })
export const last = (text: string): Doc => ({ kind: "last", text })
export const join = (separator: Doc, docs: readonly Doc[]): Doc => docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc]))

interface Command {
  readonly indentation: number
  readonly broken: boolean
  readonly doc: Doc
}

/**
 * True if what is on the stack fits into `room` up to the first place where a line can end: any line of what follows, a hard line of the group
 * itself, whose other lines are taken as flat.
 */
const fits = (first: Command, rest: readonly Command[], room: number): boolean => {
  const stack: Command[] = [first]
  let left = rest.length
  let inside = true
  for (;;) {
    const command = stack.pop()
    if (command === undefined) {
      inside = false
      if (left === 0) return true
      stack.push(rest[--left]!)
      continue
    }
    const { doc, broken, indentation } = command
    if (typeof doc === "string") {
      room -= doc.length
      if (room < 0) return false
    } else if (Array.isArray(doc)) {
      for (let i = doc.length - 1; i >= 0; i--) stack.push({ indentation, broken, doc: doc[i]! })
    } else {
      const node = doc as Exclude<Doc, string | readonly Doc[]>
      switch (node.kind) {
        case "line":
          if (node.hard || broken || !inside) return true
          room -= node.flat.length
          if (room < 0) return false
          break
        case "indent":
          stack.push({ indentation, broken, doc: node.doc })
          break
        case "group":
          stack.push({ indentation, broken: node.broken, doc: node.doc })
          break
        case "choice":
          stack.push({ indentation, broken, doc: broken ? node.broken : node.flat })
          break
        case "last":
          return true
      }
    }
  }
}

export const print = (doc: Doc, width: number): string => {
  const out: string[] = []
  let column = 0
  let ended = false
  const newLine = (indentation: number, blank: boolean): void => {
    out.push(`${blank ? "\n" : ""}\n${" ".repeat(indentation)}`)
    column = indentation
    ended = false
  }
  const stack: Command[] = [{ indentation: 0, broken: true, doc }]
  for (let command = stack.pop(); command !== undefined; command = stack.pop()) {
    const { indentation, broken } = command
    if (typeof command.doc === "string") {
      if (ended && command.doc.trim() === "") continue
      if (ended) newLine(indentation, false)
      const text = column === indentation ? command.doc.trimStart() : command.doc
      out.push(text)
      column += text.length
      continue
    }
    if (Array.isArray(command.doc)) {
      for (let i = command.doc.length - 1; i >= 0; i--) stack.push({ indentation, broken, doc: command.doc[i]! })
      continue
    }
    const node = command.doc as Exclude<Doc, string | readonly Doc[]>
    switch (node.kind) {
      case "line":
        if (broken || node.hard) newLine(indentation, node.blank)
        else if (!ended) {
          out.push(node.flat)
          column += node.flat.length
        }
        break
      case "indent":
        stack.push({ indentation: broken ? indentation + 2 : indentation, broken, doc: node.doc })
        break
      case "group": {
        const flat = !node.broken && fits({ indentation, broken: false, doc: node.doc }, stack, width - column)
        stack.push({ indentation, broken: !flat, doc: node.doc })
        break
      }
      case "choice":
        stack.push({ indentation, broken, doc: broken ? node.broken : node.flat })
        break
      case "last":
        if (ended) newLine(indentation, false)
        out.push(node.text)
        ended = true
        break
    }
  }
  return out.join("").replace(/[ ]+$/gm, "")
}
