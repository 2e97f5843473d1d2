/** The standard library as it is built in: texts by module name, and the trees that were made of them. */
import type { Library } from "../check/modules.ts"
import { codedOutline } from "../syntax/coded-trees.ts"
import { stdlibText, stdlibTrees } from "./stdlib-text.ts"

export const stdlib: Readonly<Record<string, string>> = stdlibText

export const library: Library = { texts: stdlibText, outline: (name) => codedOutline(stdlibTrees, name) }
