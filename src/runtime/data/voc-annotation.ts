/** A Pascal VOC annotation: the few elements of its XML that matter, found by name; entities and declarations are never expanded. */
import { DataError } from "./data-error.ts"

export interface VocObject {
  readonly className: string
  /** Corners in pixels of the picture as it was annotated. */
  readonly corners: readonly [number, number, number, number]
  /** Marked as too hard to be asked for. */
  readonly difficult: boolean
}

export interface VocAnnotation {
  readonly width: number | undefined
  readonly height: number | undefined
  readonly objects: readonly VocObject[]
}

/** What stands inside the first element of a name, whatever attributes it has. */
const inner = (text: string, name: string): string | undefined => {
  const open = new RegExp(`<${name}(?:\\s[^<>]*)?>`).exec(text)
  const close = open === null ? -1 : text.indexOf(`</${name}>`, open.index)
  return open === null || close < 0 ? undefined : text.slice(open.index + open[0].length, close)
}

/** An object without the parts (head, hand) that some VOC files list in it, each with a name and a box of its own. */
const withoutParts = (body: string): string =>
  body.split(/<part(?:\s[^<>]*)?>/).map((piece, number) => (number === 0 ? piece : piece.slice(piece.indexOf("</part>") < 0 ? piece.length : piece.indexOf("</part>") + 7))).join("")

export const parseAnnotation = (file: string, text: string): VocAnnotation => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  const clean = text.replace(/<!--[^]*?-->/g, "")
  if (!clean.includes("<annotation") || !clean.includes("</annotation>")) {
    return corrupt("an XML <annotation> … </annotation>", clean.trim() === "" ? "an empty file" : "none, or an unfinished one")
  }
  const size = inner(clean, "size")
  const side = (name: string): number | undefined => {
    const value = Number(size === undefined ? undefined : inner(size, name))
    return Number.isInteger(value) && value > 0 ? value : undefined
  }
  const objects: VocObject[] = []
  for (const { index: at } of clean.matchAll(/<object(?:\s[^<>]*)?>/g)) {
    const end = clean.indexOf("</object>", at)
    if (end < 0) return corrupt(`object ${objects.length} to be closed`, "the end of the file")
    const body = clean.slice(at, end)
    const own = withoutParts(body)
    const className = inner(own, "name")?.trim()
    const box = inner(own, "bndbox")
    if (className === undefined || className === "" || className.length > 200) return corrupt(`a <name> in object ${objects.length}`, "none")
    if (box === undefined) return corrupt(`a <bndbox> in object ${objects.length} (${className})`, "none")
    const corner = (name: string): number => {
      const words = inner(box, name)?.trim() ?? ""
      const value = Number(words)
      return words !== "" && Number.isFinite(value) ? value : corrupt(`a number <${name}> in object ${objects.length} (${className})`, JSON.stringify(words.slice(0, 40)))
    }
    const corners = [corner("xmin"), corner("ymin"), corner("xmax"), corner("ymax")] as const
    if (corners[2] <= corners[0] || corners[3] <= corners[1]) return corrupt(`a box with an area in object ${objects.length} (${className})`, `xmin, ymin, xmax, ymax = ${corners.join(", ")}`)
    objects.push({ className, corners, difficult: inner(own, "difficult")?.trim() === "1" })
  }
  return { width: side("width"), height: side("height"), objects }
}
