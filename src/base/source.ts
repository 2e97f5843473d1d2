/** A source text and its line table. Lines and columns count from 1; columns count code points. */
export interface SourceFile {
  readonly name: string
  readonly text: string
  readonly lineStarts: readonly number[]
}

export interface Position {
  readonly line: number
  readonly column: number
}

export const sourceFile = (name: string, text: string): SourceFile => {
  const lineStarts = [0]
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === 10) lineStarts.push(i + 1)
  return { name, text, lineStarts }
}

/** The line and column of an offset; an offset past the end is the end. */
export const positionOf = (source: SourceFile, offset: number): Position => {
  let low = 0
  let high = source.lineStarts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (source.lineStarts[middle]! <= offset) low = middle
    else high = middle - 1
  }
  const start = source.lineStarts[low]!
  let column = 1
  for (let i = start; i < Math.min(offset, source.text.length); i++) {
    const unit = source.text.charCodeAt(i)
    if (unit < 0xdc00 || unit > 0xdfff) column++
  }
  return { line: low + 1, column }
}

/** The text of one line (from 1), without its line end. */
export const lineText = (source: SourceFile, line: number): string => {
  const start = source.lineStarts[line - 1] ?? source.text.length
  const end = source.lineStarts[line] ?? source.text.length + 1
  return source.text.slice(start, end - 1).replace(/\r$/, "")
}
