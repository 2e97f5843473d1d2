/** One line of a frame: the source as it is displayed, clipped around its marks, and the rows of carets and words under it. */

export interface LineMark {
  /** A half-open range of UTF-16 offsets in the line, at least one long. */
  readonly start: number
  readonly end: number
  readonly text: string
  readonly primary: boolean
}
export interface Piece {
  readonly style: "space" | "primary" | "secondary"
  readonly text: string
}

const tab = 4
const widest = 110
const wide = /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u
const invisible = /^[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]$/u

/** How a character is shown, and how many columns that takes. */
const shown = (character: string): { readonly text: string; readonly width: number } => {
  if (character === "\t") return { text: " ".repeat(tab), width: tab }
  if (invisible.test(character)) return { text: "\ufffd", width: 1 }
  if (/^\p{Mn}$/u.test(character)) return { text: character, width: 0 }
  return { text: character, width: wide.test(character) ? 2 : 1 }
}

export const displayed = (line: string): string => {
  const text = [...line.slice(0, 4 * widest)].map((character) => shown(character).text).join("")
  return text.length > widest ? `${text.slice(0, widest)}...` : text
}

/** Holds: each mark's carets stand under the columns that its characters take. */
export const layOut = (line: string, marks: readonly LineMark[]): { readonly text: string; readonly marks: readonly (readonly Piece[])[] } => {
  const first = Math.min(...marks.map((mark) => mark.start))
  const last = Math.max(...marks.map((mark) => Math.min(mark.end, mark.start + widest)))
  const primary = marks.find((mark) => mark.primary) ?? marks[0]!
  const near = Math.max(0, first - 20)
  const from = last <= widest ? 0 : primary.start - near < widest - 30 ? near : primary.start - 40
  const to = from === 0 && line.length <= widest + 20 ? line.length : Math.min(line.length, from + widest)

  const columns = new Map<number, number>()
  let text = from > 0 ? "..." : ""
  let column = text.length
  for (let at = from; at < to; ) {
    const character = String.fromCodePoint(line.codePointAt(at)!)
    const piece = shown(character)
    for (let i = 0; i < character.length; i++) columns.set(at + i, column)
    text += piece.text
    column += piece.width
    at += character.length
  }
  const end = column
  if (to < line.length) text += "..."
  const columnOf = (offset: number): number => columns.get(offset) ?? (offset <= from ? 0 : end + (offset > to ? 0 : offset - to))

  const places = marks
    .map((mark) => ({ ...mark, column: columnOf(mark.start), until: Math.max(columnOf(mark.start) + 1, columnOf(mark.end)) }))
    .sort((a, b) => a.column - b.column || Number(b.primary) - Number(a.primary))
  const carets: ("^" | "-" | " ")[] = []
  for (const place of [...places].sort((a, b) => Number(a.primary) - Number(b.primary))) {
    for (let c = place.column; c < place.until; c++) carets[c] = place.primary ? "^" : "-"
  }
  for (let c = 0; c < carets.length; c++) carets[c] ??= " "

  const row: Piece[] = []
  for (let c = 0; c < carets.length; ) {
    let stop = c
    while (stop < carets.length && carets[stop] === carets[c]) stop++
    row.push({ style: carets[c] === "^" ? "primary" : carets[c] === "-" ? "secondary" : "space", text: carets[c]!.repeat(stop - c) })
    c = stop
  }
  const spoken = places.filter((place) => place.text !== "")
  const rightmost = spoken.find((place) => place.until === carets.length)
  if (rightmost !== undefined) row.push({ style: rightmost.primary ? "primary" : "secondary", text: ` ${rightmost.text}` })
  const below = spoken
    .filter((place) => place !== rightmost)
    .reverse()
    .map((place): Piece[] => [{ style: "space", text: " ".repeat(place.column) }, { style: place.primary ? "primary" : "secondary", text: place.text }])
  return { text, marks: [row, ...below] }
}
