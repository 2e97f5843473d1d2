/** Runs compiled programs on the adapter of this machine, one device for a test file. */
import type { Compiled } from "../../src/driver/compile.ts"
import { loadPlan } from "../kernels/device.ts"
import { standard, type Settings } from "./program.ts"

/** The first output. Sample numbers that are not given are the positions. */
export const onAdapter = async ({ plan }: Compiled, inputs: Readonly<Record<string, ArrayLike<number>>>, settings: Settings = standard): Promise<Float32Array> => {
  const arrays = plan.inputs.map((i) => [i.name, i.dtype === "f32" ? Float32Array.from(inputs[i.name]!) : Int32Array.from(inputs[i.name] ?? { length: i.shape[0]! }, (v, k) => v ?? k)] as const)
  const loaded = await loadPlan(plan, Object.fromEntries(arrays), settings)
  try {
    await loaded.run()
    return (await loaded.read(plan.outputs[0]!.name)) as Float32Array
  } finally {
    loaded.destroy()
  }
}
