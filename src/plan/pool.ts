/** The buffers that the plans of a program share: no plan's temporaries outlive its commands, so the i-th largest of each lie in one. */
import type { BufferPlan, Plan, ProgramPlan } from "./plan.ts"

/** WebGPU knows no empty buffer. */
const atLeastOneWord = (bytes: number): number => Math.max(4, bytes)
const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)

/** Inputs that are slots: they are bound, not copied. */
export const slotInputs = (plan: Plan): ReadonlyMap<number, string> => new Map(plan.inputs.flatMap((input) => (input.slot === undefined ? [] : [[input.buffer, input.slot] as const])))

export const pooled = (plan: Plan): readonly BufferPlan[] => {
  const bound = slotInputs(plan)
  return plan.buffers.filter((buffer) => buffer.role !== "constant" && buffer.role !== "uniform" && !buffer.zeroed && !bound.has(buffer.id)).sort((a, b) => b.bytes - a.bytes || a.id - b.id)
}

/** Arenas, which a plan shares with no other. */
export const zeroedOf = (plan: Plan): readonly BufferPlan[] => plan.buffers.filter((buffer) => buffer.zeroed)

export const poolSizes = (plans: readonly Plan[]): readonly number[] => {
  const sizes: number[] = []
  for (const plan of plans) {
    pooled(plan).forEach((buffer, place) => {
      sizes[place] = Math.max(sizes[place] ?? 0, atLeastOneWord(buffer.bytes))
    })
  }
  return sizes
}

/** Every plan of a program, `initial` first. */
export const plansOf = (program: ProgramPlan): readonly { readonly name: string; readonly plan: Plan }[] => [
  { name: "initial", plan: program.initial },
  ...program.steps.map(({ name, plan }) => ({ name, plan })),
  ...program.every.map(({ period, plan }) => ({ name: `every ${period}`, plan })),
  ...program.evaluations.flatMap((e) => [
    { name: `${e.name}.begin`, plan: e.begin }, { name: e.name, plan: e.batch }, ...(e.tail ? [{ name: `${e.name}.tail`, plan: e.tail }] : []),
    ...e.stages.map(({ host, plan }) => ({ name: `${e.name}.${host}`, plan })), { name: `${e.name}.final`, plan: e.final },
  ]),
]

export interface Memory {
  /** Bytes of the slots. */
  readonly slots: number
  /** Bytes of the buffers that all plans share and of the arenas of each, and of the constants of each. */
  readonly shared: number
  readonly constants: number
  /** What no assignment of buffers could do without: the slots, and the most that one plan has alive beside them. */
  readonly bound: number
}

export const memoryOf = (program: ProgramPlan): Memory => {
  const plans = plansOf(program).map(({ plan }) => plan)
  const slots = sum(program.slots.map((slot) => atLeastOneWord(4 * slot.shape.reduce((a, b) => a * b, 1))))
  const bytesOf = (plan: Plan, of: (buffer: BufferPlan) => boolean): number => sum(plan.buffers.filter(of).map((buffer) => buffer.bytes))
  const constants = sum(plans.map((plan) => bytesOf(plan, (buffer) => buffer.role === "constant")))
  const beside = Math.max(...plans.map((plan) => plan.liveBytes - bytesOf(plan, (buffer) => slotInputs(plan).has(buffer.id) || buffer.role === "constant")))
  return { slots, shared: sum(poolSizes(plans)) + sum(plans.flatMap(zeroedOf).map((buffer) => atLeastOneWord(buffer.bytes))), constants, bound: slots + constants + beside }
}
