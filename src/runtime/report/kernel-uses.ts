/** How a plan uses each of its kernels: dispatches, workgroups and the bytes bound to them (the uniform buffer not counted). */
import type { KernelPlan, Plan } from "../../plan/plan.ts"

export interface KernelUse {
  readonly kernel: KernelPlan
  readonly dispatches: number
  readonly groups: number
  readonly bytes: number
}

export const kernelUses = (plan: Plan): readonly KernelUse[] =>
  plan.kernels.map((kernel) => {
    const uses = plan.commands.flatMap((command) => (command.op === "dispatch" && command.kernel === kernel.id ? [command] : []))
    return {
      kernel,
      dispatches: uses.length,
      groups: uses.reduce((sum, { groups }) => sum + groups[0] * groups[1] * groups[2], 0),
      bytes: uses.reduce((sum, { buffers }) => sum + buffers.reduce((all, bound, i) => all + (kernel.bindings[i] === "uniform" ? 0 : bound.bytes), 0), 0),
    }
  })
