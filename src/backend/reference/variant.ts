/**
 * Which arithmetic a value is computed in. In `reference` mode values are f64, but everything that decides is f32 as on
 * a device: operands of comparisons, indices, what is rounded or cast to an integer (coordinates: wherever they are used),
 * and draws. So both take the same branch at a threshold. `exact` is all f64, `f32` rounds after every operation.
 */
import { operandsFirst } from "../../prim/scalar-order.ts"
import { operands } from "../../scalar/scalar.ts"
import type { Scalar, ScalarType } from "../../scalar/scalar.ts"

export type Mode = "reference" | "exact" | "f32"
/** `real`: f64. `device`: f32 after every operation. Integers and truth values are `device` except in `exact` mode. */
export type Variant = "real" | "device"

export const variantFor = (mode: Mode, type: ScalarType, wanted: Variant): Variant =>
  mode === "exact" ? "real" : mode === "f32" ? "device" : type === "f32" ? wanted : "device"

const steps: readonly string[] = ["floor", "ceil", "round", "sign"]

/** Whether an f32 scalar jumps where its operand passes a threshold: it is computed as the device does. */
const jumps = (e: Scalar): boolean => e.type === "f32" && ((e.op === "unary" && steps.includes(e.fn)) || (e.op === "binary" && e.fn === "mod"))

/** The f32 scalars from which a whole number is taken: coordinates. */
export const coordinatesOf = (roots: readonly Scalar[]): ReadonlySet<Scalar> => {
  const result = new Set<Scalar>()
  for (const e of operandsFirst(roots)) {
    const rounded = jumps(e) || (e.op === "cast" && (e.type === "i32" || e.type === "u32"))
    if (rounded) for (const x of operands(e)) if (x.type === "f32") result.add(x)
    if (jumps(e)) result.add(e)
  }
  return result
}
