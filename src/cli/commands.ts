/** The commands of `nda`: what each takes and says about itself. Each one's code is loaded when it is asked for. */
import type { Console } from "./console.ts"
import type { Outcome } from "./failure.ts"
import type { FlagName } from "./flags.ts"
import type { Arguments } from "./parse-arguments.ts"

export interface Command {
  readonly name: string
  /** After `nda name`. */
  readonly operands: string
  readonly least: number
  readonly most: number
  readonly about: string
  readonly flags: readonly FlagName[]
  readonly load: () => Promise<(args: Arguments, console: Console) => Promise<Outcome>>
}

const everywhere = ["quiet", "no-color", "help"] as const
const ofProgram = ["set", "verify", "errors"] as const

export const commands: readonly Command[] = [
  {
    name: "check", operands: "FILE...", least: 1, most: Infinity, about: "find what is wrong with programs; nothing runs",
    flags: [...ofProgram, "json", ...everywhere], load: async () => (await import("./check-command.ts")).checkCommand,
  },
  {
    name: "run", operands: "FILE [ENTRY]", least: 1, most: 2, about: "run a graph, an eval or a train; what comes of it goes to --out",
    flags: ["out", "force", "data-dir", "input", "seed", "steps", "resume", "weights", "log-every", "keep", "device", "precision", "skip-bad", "check-finite", ...ofProgram, "json", ...everywhere],
    load: async () => (await import("./run-command.ts")).runCommand,
  },
  {
    name: "compile", operands: "FILE [ENTRY]", least: 1, most: 2, about: "print a stage of the compiler, or write plan.json",
    flags: ["emit", "output", "force", "input", "seed", "device", "precision", "data-dir", "skip-bad", ...ofProgram, ...everywhere], load: async () => (await import("./compile-command.ts")).compileCommand,
  },
  {
    name: "fmt", operands: "FILE...", least: 1, most: Infinity, about: "format programs, in place",
    flags: ["check", "errors", ...everywhere], load: async () => (await import("./format-command.ts")).formatCommand,
  },
  {
    name: "explain", operands: "CODE|PRIM|STAGE", least: 1, most: 1, about: "the page of a diagnostic, a primitive or a stage",
    flags: everywhere, load: async () => (await import("./explain-command.ts")).explainCommand,
  },
  {
    name: "tune", operands: "FILE [ENTRY]", least: 1, most: 2, about: "measure on the device which kernels suit the program's shapes, for later runs",
    flags: ["force", "input", "seed", "device", "data-dir", "skip-bad", ...ofProgram, "json", ...everywhere], load: async () => (await import("./tune-command.ts")).tuneCommand,
  },
  {
    name: "types", operands: "FILE", least: 1, most: 1, about: "TypeScript declarations of a file's graphs",
    flags: [...ofProgram, ...everywhere], load: async () => (await import("./types-command.ts")).typesCommand,
  },
  {
    name: "weights", operands: "FILE[#subtree]", least: 1, most: 1, about: "write the weights of a ResNet or of Inception-v3 under torchvision's names, or under nda's",
    flags: ["names", "like", "output", "force", ...everywhere], load: async () => (await import("./weights-command.ts")).weightsCommand,
  },
  {
    name: "devices", operands: "", least: 0, most: 0, about: "the adapters that programs can run on",
    flags: ["json", ...everywhere], load: async () => (await import("./devices-command.ts")).devicesCommand,
  },
  {
    name: "data", operands: "list | get NAME", least: 1, most: 2, about: "the data sets with an official address; download one",
    flags: ["dir", "data-dir", "json", ...everywhere], load: async () => (await import("./data-command.ts")).dataCommand,
  },
]

/** Commands of the contract that this version does not have. */
export const laterCommands: Readonly<Record<string, string>> = {
  train: "a train is run as everything else: `nda run FILE ENTRY`",
}
