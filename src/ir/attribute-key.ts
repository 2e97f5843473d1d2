/**
 * A text that is equal exactly for structurally equal attributes. Index variables are identified by where they first
 * occur, so two bodies that differ only in the names or identities of their variables have one key. Iterative: bodies
 * may be deeper than the stack.
 */
const isObject = (x: unknown): x is object => typeof x === "object" && x !== null
const isVariable = (x: object): x is { op: "var"; low: number; high: number } => (x as { op?: unknown }).op === "var"
const fieldsOf = (x: object): [string, unknown][] => Object.entries(x).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
const partsOf = (x: object): unknown[] => (isVariable(x) ? [] : Array.isArray(x) ? x : fieldsOf(x).map(([, value]) => value))

/** Attributes are immutable. */
const made = new WeakMap<object, string>()

export const attributeKey = (attrs: object): string => {
  const there = made.get(attrs)
  if (there !== undefined) return there
  const key = keyOf(attrs)
  made.set(attrs, key)
  return key
}

const keyOf = (attrs: object): string => {
  const numbers = new Map<string, number>()
  const known = new Map<object, number>()
  let variables = 0
  const text = (x: unknown): string => (isObject(x) ? `#${known.get(x)}` : typeof x === "string" ? JSON.stringify(x) : Object.is(x, -0) ? "-0" : String(x))
  const structure = (x: object): string =>
    isVariable(x) ? `var ${variables++} ${x.low} ${x.high}` : Array.isArray(x) ? `[${x.map(text).join(",")}]` : `{${fieldsOf(x).map(([name, value]) => `${name}:${text(value)}`).join(",")}}`
  const stack: object[] = [attrs]
  while (stack.length > 0) {
    const x = stack[stack.length - 1]!
    const missing = known.has(x) ? [] : partsOf(x).filter((part): part is object => isObject(part) && !known.has(part))
    if (missing.length > 0) {
      stack.push(...missing.reverse())
      continue
    }
    stack.pop()
    if (known.has(x)) continue
    const own = structure(x)
    if (!numbers.has(own)) numbers.set(own, numbers.size)
    known.set(x, numbers.get(own)!)
  }
  return [...numbers.keys()].join("")
}
