/** One line that shows how far something is, for a terminal of a given width. */
const amount = (bytes: number): string => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(0)} kB`)

export const progressLine = (done: number, total: number, what: string, width = 80): string => {
  const share = total > 0 ? Math.min(1, done / total) : 0
  const tail = ` ${String(Math.floor(share * 100)).padStart(3)}%  ${amount(done)} of ${amount(total)}`
  const room = Math.max(5, Math.min(40, width - what.length - tail.length - 4))
  const filled = Math.floor(share * room)
  return `${what} [${"#".repeat(filled)}${"-".repeat(room - filled)}]${tail}`
}
