/**
 * A text that is equal exactly for structurally equal attributes. Index variables are identified by where they first
 * occur, so two bodies that differ only in the names or identities of their variables have one key.
 */
const isVariable = (x: object): boolean => (x as { op?: unknown }).op === "var"

export const attributeKey = (attrs: unknown): string => {
  const entries: string[] = []
  const numbers = new Map<string, number>()
  const known = new Map<object, number>()
  let variables = 0
  const intern = (text: string): number => {
    const found = numbers.get(text)
    if (found !== undefined) return found
    numbers.set(text, entries.length)
    entries.push(text)
    return entries.length - 1
  }
  const visit = (x: unknown): string => {
    if (typeof x === "number") return Object.is(x, -0) ? "-0" : String(x)
    if (typeof x !== "object" || x === null) return typeof x === "string" ? JSON.stringify(x) : String(x)
    let id = known.get(x)
    if (id === undefined) {
      if (isVariable(x)) {
        const { low, high } = x as { low: number; high: number }
        id = intern(`var ${variables++} ${low} ${high}`)
      } else if (Array.isArray(x)) id = intern(`[${x.map(visit).join(",")}]`)
      else {
        const fields = Object.entries(x).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
        id = intern(`{${fields.map(([name, value]) => `${name}:${visit(value)}`).join(",")}}`)
      }
      known.set(x, id)
    }
    return `#${id}`
  }
  visit(attrs)
  return entries.join("")
}
