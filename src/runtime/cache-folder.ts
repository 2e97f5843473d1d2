/** Where nda keeps what it can make again: `$NDA_CACHE`, else `~/.cache/nda`. */
import os from "node:os"
import path from "node:path"

export const cacheFolder = (name: string): string => path.join(process.env["NDA_CACHE"] ?? path.join(os.homedir(), ".cache", "nda"), name)
