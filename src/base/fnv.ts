/** FNV-1a-32 of a text's UTF-8 bytes: the number by which a draw's path keys its random words. */
export const fnv1a32 = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
