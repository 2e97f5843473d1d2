/** "Did you mean": the one candidate near enough to a misspelt word, or nothing. */

/** Edit distance with transpositions (Damerau-Levenshtein, optimal string alignment), given up beyond `limit`. */
export const editDistance = (a: string, b: string, limit: number): number => {
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, beforeLast[j - 2]! + 1)
      row.push(least)
    }
    if (Math.min(...row) > limit) return limit + 1
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/**
 * The only candidate there is; else the one equal but for case; else the nearest, at a distance of at most a third of the word's length.
 * Nothing where two are equally near: a wrong guess costs more than none. Words too long to be typed are not guessed at.
 */
export const suggest = (word: string, candidates: Iterable<string>): string | undefined => {
  const all = [...new Set(candidates)].filter((candidate) => candidate !== word)
  if (all.length === 1) return all[0]
  const folded = all.filter((candidate) => candidate.toLowerCase() === word.toLowerCase())
  if (folded.length === 1) return folded[0]
  if (word.length > 64) return undefined
  const limit = Math.floor(word.length / 3)
  let best: string | undefined
  let least = limit + 1
  for (const candidate of all) {
    const distance = editDistance(word, candidate, limit)
    if (distance < least) {
      least = distance
      best = candidate
    } else if (distance === least && distance <= limit) best = undefined
  }
  return best
}
