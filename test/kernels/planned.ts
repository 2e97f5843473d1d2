/** The plan of a graph that fits, with every kernel verified. */
import { expect } from "vitest"
import type { Graph } from "../../src/ir/graph.ts"
import { verifyKernel } from "../../src/kernel/verify-kernel.ts"
import { makePlan } from "../../src/plan/make-plan.ts"
import type { Plan } from "../../src/plan/plan.ts"
import { validatePlan } from "../../src/plan/schema.ts"
import { webgpuDefaults, type Limits, type Profile } from "../../src/schedule/limits.ts"

export const planned = (graph: Graph, limits: Limits = webgpuDefaults, profile: Profile = "cpu"): Plan => {
  const { plan, problems, schedule } = makePlan(graph, { limits, profile })
  expect(problems).toEqual([])
  for (const { kernel } of schedule.kernels) expect(verifyKernel(kernel, limits)).toEqual([])
  expect(validatePlan(JSON.parse(JSON.stringify(plan)))).toEqual([])
  return plan!
}
