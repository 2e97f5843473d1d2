/** Names of a shader: generated from counters, so that no text of a user reaches it (`^[a-z][a-z0-9]{0,15}_?[0-9]+$`). */
export interface Names {
  /** The name of an object: the same object always gives the same name. */
  of(object: object, prefix: string): string
}

export const emittedName = /^[a-z][a-z0-9]{0,15}_?[0-9]+$/

export const makeNames = (): Names => {
  const given = new Map<object, string>()
  const counts = new Map<string, number>()
  return {
    of(object, prefix) {
      const known = given.get(object)
      if (known !== undefined) return known
      const count = counts.get(prefix) ?? 0
      counts.set(prefix, count + 1)
      const name = `${prefix}${count}`
      given.set(object, name)
      return name
    }
  }
}
