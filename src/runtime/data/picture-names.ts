/** Which files of a folder are pictures, and how the folder divides into classes and splits. */
import { join } from "node:path"
import { DataError } from "./data-error.ts"
import type { Ask } from "./data-set.ts"
import { listFolder, look } from "./read-file.ts"

const endings = /\.(png|jpe?g|webp|ppm|pgm|gif|tiff?)$/i

export const isPictureName = (name: string): boolean => endings.test(name)

export interface Listing {
  readonly pictures: readonly string[]
  readonly folders: readonly string[]
}

/** The pictures of a folder by their names, and the folders in it (or linked from it). */
export const listPictures = async (folder: string, hint?: string): Promise<Listing> => {
  const names = await listFolder(folder, hint)
  const folders: string[] = []
  for (const name of names) if (!isPictureName(name) && (await look(join(folder, name))) === "folder") folders.push(name)
  return { pictures: names.filter(isPictureName), folders }
}

const splitNames: Readonly<Record<"train" | "test", readonly string[]>> = { train: ["train"], test: ["test", "val", "valid", "validation"] }

/** A folder that consists of `train/` and `test/` (or `val/`) is entered by the split; any other is itself, for every split. */
export const splitFolders = async (ask: Ask, root: string, folders: readonly string[]): Promise<readonly string[]> => {
  const all = [...splitNames.train, ...splitNames.test]
  if (!folders.includes("train") || !folders.every((name) => all.includes(name))) return [root]
  const test = splitNames.test.filter((name) => folders.includes(name)).slice(0, 1)
  const chosen = ask.split === "train" ? ["train"] : ask.split === "test" ? test : ["train", ...test]
  if (chosen.length === 0) throw new DataError({
    reason: "missing", file: join(root, "test"), expected: "test/ or val/ beside train/", found: folders.join(", "),
  })
  return chosen.map((name) => join(root, name))
}
