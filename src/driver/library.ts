/** The standard library's texts, by module name. */
import { stdlibText } from "./stdlib-text.ts"

export const stdlib: Readonly<Record<string, string>> = stdlibText
