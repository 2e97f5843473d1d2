/** `nda types`: TypeScript declarations of a file's graphs, for programs that embed them. */
import { entries } from "../driver/check.ts"
import { compile, type Compiled } from "../driver/compile.ts"
import type { InputPlan, OutputPlan } from "../plan/plan.ts"
import type { EntryDeclaration } from "../syntax/ast.ts"
import { parse } from "../syntax/parser.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, usageFailure, type Outcome } from "./failure.ts"
import { namedValues, type Arguments } from "./parse-arguments.ts"
import { readProgram, report, type Program } from "./program.ts"

const arrayOf = { f32: "Float32Array", i32: "Int32Array", u32: "Uint32Array", bool: "Uint32Array", u8: "Uint8Array" } as const

const typeName = (name: string): string => name.replace(/(^|_+)([A-Za-z0-9])/g, (_, __, letter: string) => letter.toUpperCase())

const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name))

const member = (about: string, name: string, optional: boolean, type: string): string => `  /** ${about.replaceAll("*/", "* /")} */\n  readonly ${key(name)}${optional ? "?" : ""}: ${type}\n`

/** Names of sizes that nothing in the file gives: those in the inputs' dimensions that are not parameters or consts. */
const openSizes = (entry: EntryDeclaration, consts: ReadonlySet<string>): readonly string[] => {
  const taken = new Set([...consts, ...entry.params.map((param) => param.name.text)])
  return [...new Set(entry.params.flatMap((param) => (param.kind === "param" && param.type?.kind === "named" ? (param.type.dims ?? []) : []))
    .flatMap((dim) => (dim.kind === "dim" && dim.size.kind === "name" && !taken.has(dim.size.name.text) ? [dim.size.name.text] : [])))]
}

/** Two sizes for each open name, no pair the same, so that a dimension shows by its two sizes which name it has. */
const trialSize = (place: number, second: boolean): number => (second ? 8 + 12 * place : 4 + 4 * place)

const trials = (program: Program, name: string, open: readonly string[], set: Readonly<Record<string, string>>): readonly [Compiled, Compiled] | undefined => {
  const at = (second: boolean) =>
    compile({ file: program.file, sources: program.sources, entry: name, set: { ...Object.fromEntries(open.map((each, place) => [each, String(trialSize(place, second))])), ...set } }).value
  const first = at(false)
  const other = open.length === 0 ? first : at(true)
  return first === undefined || other === undefined ? undefined : [first, other]
}

/** A dimension that depends on open sizes without being one is written `_`. */
const shapeText = (a: InputPlan | OutputPlan, b: InputPlan | OutputPlan, open: readonly string[]): string => {
  const dims = a.shape.map((size, axis) => {
    const other = b.shape[axis]!
    return size === other ? size : (open.find((_, place) => trialSize(place, false) === size && trialSize(place, true) === other) ?? "_")
  })
  return `${a.dtype}[${dims.join(", ")}]`
}

const declarations = (program: Program, name: string, entry: EntryDeclaration, consts: ReadonlySet<string>, set: Readonly<Record<string, string>>): string | undefined => {
  const open = openSizes(entry, consts).filter((size) => !(size in set))
  const compiled = trials(program, name, open, set)
  if (compiled === undefined) return undefined
  const [a, b] = compiled.map(({ plan }) => plan) as [Compiled["plan"], Compiled["plan"]]
  const inputs = a.inputs.map((input, i) => {
    const number = input.source?.field === "#index"
    const from = input.source === undefined ? "" : number ? `: each sample's number in ${input.source.name}; counted from 0 when left out` : `: a field of the batch ${input.source.name}`
    return member(`${shapeText(input, b.inputs[i]!, open)}${from}`, input.name, number, arrayOf[input.dtype])
  })
  const outputs = a.outputs.map((output, i) => {
    const population = output.population === undefined ? "" : `, ${output.population}`
    return member(`${shapeText(output, b.outputs[i]!, open)}${population}`, output.name, false, arrayOf[output.dtype])
  })
  return `export interface ${typeName(name)}Inputs {\n${inputs.join("")}}\n\nexport interface ${typeName(name)}Outputs {\n${outputs.join("")}}\n`
}

export const typesCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const set = namedValues(args, "set")
  if (isFailure(set)) return set
  const program = await readProgram(args.operands[0]!)
  if (isFailure(program)) return program
  if (report(console, args, program.sources, program.diagnostics)) return exitCode.program
  const module = parse(program.file, program.sources[program.file]!).value
  if (module === undefined) throw new Error("a checked program has a syntax tree")
  const graphs = entries({ file: program.file, sources: program.sources }).filter((entry) => entry.role === "graph")
  if (graphs.length === 0) return usageFailure(`${program.file} has no graph`)
  const consts = module.declarations.filter((each) => each.kind === "const").map((each) => each.name.text)
  const parts: string[] = []
  for (const { name } of graphs) {
    const entry = module.declarations.find((each): each is EntryDeclaration => each.kind === "entry" && each.name.text === name)
    if (entry === undefined) throw new Error(`the graph ${name} is declared in ${program.file}`)
    const text = declarations(program, name, entry, new Set(consts), set)
    if (text === undefined) return usageFailure(`the sizes of ${name} cannot be tried: give its open sizes`, "--set NAME=VALUE")
    parts.push(text)
  }
  console.out(`// Graphs of ${program.file}, as \`open(plan)\` of nda/runtime takes and gives them. Written by \`nda types\`.\n\n${parts.join("\n")}`)
  return exitCode.ok
}
