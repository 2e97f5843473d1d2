/** `nda --help` and `nda COMMAND --help`. */
import { commands, type Command } from "./commands.ts"
import { flagNamed } from "./flags.ts"
import { usageOf } from "./parse-arguments.ts"

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)) + 2)
  return rows.map(([left, right]) => (left.length >= width ? `  ${left}\n  ${" ".repeat(width)}${right}` : `  ${left.padEnd(width)}${right}`)).join("\n")
}

export const helpText = (): string => `nda: negative data augmentation as programs for the GPU

usage: nda COMMAND ...

${columns(commands.map((command) => [`${command.name} ${command.operands}`.trim(), command.about]))}

\`nda COMMAND --help\` says more. \`nda --version\` is the version.
Exit codes: 0 ok, 1 the program has errors, 2 usage, 3 device or data, 4 a bug in nda, 130 interrupted, 143 terminated.`

export const commandHelp = (command: Command): string => {
  const rows = command.flags.map((name) => {
    const flag = flagNamed(name)
    return [`${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}${flag.value === undefined ? "" : ` ${flag.value}`}`, flag.about] as const
  })
  return `nda ${command.name}: ${command.about}\n\nusage: ${usageOf(command)}\n\n${columns(rows)}`
}
