/** What `nda explain CODE` prints. */
export interface Page {
  /** One line. */
  readonly title: string
  /** What it means, an example that causes it, how to mend it. */
  readonly page: string
}
/** The codes of one family. */
export type Family = { readonly [code: string]: Page }
