/** The verifier of the kernel IR: names the rule that a kernel breaks, and where. An empty list means that it holds to all. */
import type { Limits } from "../schedule/limits.ts"
import { blocksOf, expressionsOf, operandsOf, sharedBytes, wideness, type ArrayLocal, type Binding, type Expr, type Kernel, type Local, type Stmt } from "./kernel.ts"
import { indexRanges } from "./index-ranges.ts"

const mostNested = 50
export const mostStatements = 2000
const deepest = 100

/** Bound four numbers at a time. */
const inFours = (binding: Binding | undefined): boolean => binding?.element === "words" || binding?.element === "halves" || binding?.element === "bytes"

/** All statements of a kernel, nested ones too. */
export const statementsOf = (kernel: Kernel): number => {
  const count = (list: readonly Stmt[]): number => list.reduce((n, s) => n + 1 + blocksOf(s).reduce((m, b) => m + count(b), 0), 0)
  return count(kernel.body)
}

export const verifyKernel = (kernel: Kernel, limits: Limits): string[] => {
  const problems: string[] = []
  const problem = (text: string): void => { if (!problems.includes(text)) problems.push(text) }

  const storage = kernel.bindings.filter((b) => b.access !== "uniform").length
  if (storage > limits.maxStorageBuffersPerShaderStage) problem(`${storage} storage buffers, at most ${limits.maxStorageBuffersPerShaderStage}`)
  const threads = kernel.workgroup.reduce((a, b) => a * b, 1)
  if (threads > limits.maxComputeInvocationsPerWorkgroup) problem(`${threads} threads in a workgroup, at most ${limits.maxComputeInvocationsPerWorkgroup}`)
  const shared = sharedBytes(kernel)
  if (shared > limits.maxComputeWorkgroupStorageSize) problem(`${shared} bytes of workgroup memory, at most ${limits.maxComputeWorkgroupStorageSize}`)
  for (const g of kernel.groups) if (!Number.isInteger(g) || g < 1 || g > limits.maxComputeWorkgroupsPerDimension) problem(`${g} workgroups along one dimension, at most ${limits.maxComputeWorkgroupsPerDimension}`)

  const arrays = new Set<ArrayLocal>(kernel.shared)
  const { rangeOf, learn: learnRange } = indexRanges(kernel)
  const { isWide, learn } = wideness()

  const within = (index: Expr, length: number, what: string): void => {
    const [low, high] = rangeOf(index)
    if (low >= length || high < 0) problem(`${what} of ${length} is read or written at ${low === high ? low : `${low} … ${high}`}`)
  }

  const check = (root: Expr, scope: ReadonlySet<Local>, uniform: boolean): void => {
    const walk = (e: Expr, depth: number): void => {
      if (depth > deepest) return problem(`an expression deeper than ${deepest}`)
      if (e.op === "local" && !scope.has(e.local)) problem("a local is used where it is not defined")
      if (e.op === "load" || e.op === "quad") {
        const binding = kernel.bindings[e.binding]
        if (!binding) return problem(`a load from binding ${e.binding}, which does not exist`)
        if (e.op === "quad" && (!inFours(binding) || isWide(e.index))) problem(`four neighbours at once from binding ${e.binding}, which is not bound as words, or at more than one place`)
        within(e.index, binding.length, `binding ${e.binding}`)
      }
      if (e.op === "subgroup_broadcast") {
        if (e.type === "bool") problem("a truth value is asked of a lane")
        if (!uniform) problem("a lane's value is asked for where not all lanes of a workgroup are")
        if (threads > limits.subgroupSize || e.lane >= threads) problem(`a value of lane ${e.lane}, for a workgroup of ${threads} and subgroups of ${limits.subgroupSize}`)
      }
      if (e.op === "part" && !isWide(e.x)) problem("a component of a value that has one alone")
      if (["key", "pair", "key_word", "draw", "threefry", "word", "subgroup_broadcast"].includes(e.op) && operandsOf(e).some(isWide)) problem(`${e.op} of a wide value`)
      if (e.op === "element") {
        if (!arrays.has(e.array)) problem("an array is used where it is not declared")
        within(e.index, e.array.length, "an array")
      }
      if (e.op === "key" && !kernel.bindings.some((b) => b.access === "uniform")) problem("a draw without the settings bound")
      for (const x of operandsOf(e)) walk(x, depth + 1)
    }
    walk(root, 1)
  }

  /** Whether all lanes of a workgroup have the same value: it comes from the workgroup's number and constants alone. */
  const alike = new Set<Local>()
  const uniformValue = (e: Expr): boolean =>
    e.op === "local" ? alike.has(e.local) : e.op === "builtin" ? e.name !== "lane"
      : e.op === "element" ? e.array.space === "constant" && uniformValue(e.index)
      : ["const", "binary", "unary", "cast", "select"].includes(e.op) && operandsOf(e).every(uniformValue)

  const run = (list: readonly Stmt[], outer: ReadonlySet<Local>, depth: number, uniform: boolean): void => {
    if (depth > mostNested) return problem(`blocks nested deeper than ${mostNested}`)
    const scope = new Set(outer)
    for (const s of list) {
      for (const e of expressionsOf(s)) check(e, scope, uniform)
      learnRange(s)
      switch (s.op) {
        case "let": case "var":
          scope.add(s.local)
          learn(s.local, s.value)
          if (s.op === "let" && uniformValue(s.value)) alike.add(s.local)
          break
        case "assign":
          if (!scope.has(s.local)) problem("a local is assigned where it is not defined")
          if (isWide(s.value) && !isWide({ op: "local", type: s.local.type, local: s.local })) problem("a wide value is assigned to a local that is not")
          break
        case "array": arrays.add(s.array); break
        case "set": case "draw_array":
          if (!arrays.has(s.array) || s.array.space === "constant") problem("an array is written where it is not declared")
          if (s.op === "set") within(s.index, s.array.length, "an array")
          if (s.op === "set" && (isWide(s.index) || isWide(s.value))) problem("a wide value in an array")
          break
        case "store": case "store_quad": case "store_words": {
          const binding = kernel.bindings[s.binding]
          if (s.op === "store_quad" ? isWide(s.index) || !inFours(binding) : expressionsOf(s).some(isWide)) problem(`a store to binding ${s.binding} that does not suit its values`)
          if (!binding || binding.access !== "write") problem(`a store to binding ${s.binding}, which is not writable`)
          else within(s.index, binding.length, `binding ${s.binding}`)
          break
        }
        case "barrier": if (!uniform) problem("a barrier that not all lanes of a workgroup reach"); break
        case "steps":
          if (!uniformValue(s.below)) problem("a bound that a whole workgroup should share differs between lanes")
          alike.add(s.local)
          run(s.body, new Set([...scope, s.local]), depth + 1, uniform)
          break
        case "once":
          if (!uniformValue(s.condition)) problem("a condition that a whole workgroup should share differs between lanes")
          run(s.body, scope, depth + 1, uniform)
          break
        case "if":
          if (isWide(s.condition)) problem("a branch on a wide value")
          for (const inner of blocksOf(s)) run(inner, scope, depth + 1, false)
          break
        case "for": run(s.body, new Set([...scope, s.local]), depth + 1, false); break
      }
    }
  }
  run(kernel.body, new Set(), 1, true)
  const statements = statementsOf(kernel)
  if (statements > mostStatements) problem(`${statements} statements, at most ${mostStatements}`)
  return problems
}
