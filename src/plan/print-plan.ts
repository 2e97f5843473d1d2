/** Prints a plan as text, for `--emit plan` and `--emit memory`. */
import type { Plan, ProgramPlan } from "./plan.ts"
import { memoryOf, plansOf } from "./pool.ts"

const bytes = (n: number): string => (n >= 2 ** 20 ? `${(n / 2 ** 20).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`)
const typed = (x: { readonly dtype: string; readonly shape: readonly number[] }): string => `${x.dtype}[${x.shape.join(", ")}]`

const times = (peak: number, bound: number): string => `${(peak / Math.max(1, bound)).toFixed(2)} times`

const buffersText = (plan: Plan): string[] => {
  const width = Math.max(0, ...plan.buffers.map((b) => typed(b).length))
  return plan.buffers.map((b) => `  %${b.id} ${b.role.padEnd(9)} ${typed(b).padEnd(width)} ${bytes(b.bytes).padStart(10)}   ${b.origin.label}`.trimEnd())
}

export const printMemory = (plan: Plan): string =>
  [`memory of ${plan.entry}: peak ${bytes(plan.peakBytes)} (${plan.peakBytes} bytes), liveness lower bound ${bytes(plan.liveBytes)} (${plan.liveBytes} bytes), ${times(plan.peakBytes, plan.liveBytes)}`, ...buffersText(plan), ""].join("\n")

/** Of a program of plans: each with its peak, and all together as the runtime lays them out. */
export const printProgramMemory = (program: ProgramPlan): string => {
  const { slots, shared, constants, bound } = memoryOf(program)
  const peak = slots + shared + constants
  const plans = plansOf(program)
  const width = Math.max(...plans.map(({ name }) => name.length))
  return [
    `memory of ${program.entry}: peak ${bytes(peak)} (${peak} bytes), liveness lower bound ${bytes(bound)} (${bound} bytes), ${times(peak, bound)}`,
    `  slots ${bytes(slots)}, shared by the plans ${bytes(shared)}, constants ${bytes(constants)}`,
    ...plans.map(({ name, plan }) => `  ${name.padEnd(width)}  peak ${bytes(plan.peakBytes).padStart(10)}, lower bound ${bytes(plan.liveBytes).padStart(10)}, ${times(plan.peakBytes, plan.liveBytes)}`),
    "",
  ].join("\n")
}

export const printPlan = (plan: Plan): string => [
  `plan ${plan.entry} (version ${plan.version})`,
  `needs ${plan.needs.maxStorageBuffersPerShaderStage} storage buffers, binding ${bytes(plan.needs.maxStorageBufferBindingSize)}, workgroup memory ${bytes(plan.needs.maxComputeWorkgroupStorageSize)}, ${plan.needs.maxComputeInvocationsPerWorkgroup} threads a workgroup`,
  ...plan.sources.map((s) => `source ${s.name} = ${s.loader}.${s.split}(batch=${s.batch})`),
  "buffers",
  ...buffersText(plan),
  ...plan.inputs.map((i) => `input ${i.name}: ${typed(i)} in %${i.buffer}${i.source ? ` from ${i.source.name}.${i.source.field}` : ""}`),
  "commands",
  ...plan.commands.map((c) => {
    switch (c.op) {
      case "copy": return `  copy %${c.from} to %${c.to}, ${bytes(c.bytes)}`
      case "fill": return `  fill %${c.buffer}, ${bytes(c.bytes)}`
      case "dispatch": {
        const kernel = plan.kernels[c.kernel]!
        const bound = c.buffers.map((b, i) => `${kernel.bindings[i]} %${b.buffer}${b.offset > 0 ? ` from ${b.offset}` : ""}`)
        return `  ${kernel.name} ${c.groups.join(" x ")} of ${kernel.workgroup[0] * kernel.workgroup[1] * kernel.workgroup[2]} (${bound.join(", ")})   ${c.origin.label} ${c.origin.at}`.trimEnd()
      }
    }
  }),
  ...plan.outputs.map((o) => `output ${o.name}: ${typed(o)} in %${o.buffer}${o.picture ? ` (${o.picture})` : ""}`),
  ""
].join("\n")
