/** Where something stands in a source: a half-open range of UTF-16 offsets in one file. */
export interface Span {
  readonly file: string
  readonly start: number
  readonly end: number
}

/** The smallest span that covers both; both must lie in one file. */
export const cover = (a: Span, b: Span): Span =>
  a.file === b.file ? { file: a.file, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) } : a
