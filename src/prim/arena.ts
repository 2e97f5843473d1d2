/** Arenas: many tensors in one flat one, each at a fixed offset. What reads or fills an arena does so in place (`schedule/arenas.ts`). */
import { add, and, f32, ge, i32, lt, max, min, mul, select, sub } from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import { reshapeIndex } from "./movement.ts"
import type { Primitive, Shape } from "./primitive.ts"
import { floats } from "./samples.ts"
import { constantLike, elementCount, isFloat, strides, typeText } from "./shape.ts"

export interface ViewAttrs { readonly offset: number; readonly shape: Shape }
const view: Primitive<ViewAttrs> = {
  name: "view", kind: "movement", doc: "A tensor that lies in an arena: its elements in row-major order from an offset on.",
  infer: ([x], { offset, shape }) =>
    x!.shape.length === 1 && Number.isInteger(offset) && offset >= 0 && offset + elementCount(shape) <= x!.shape[0]!
      ? { dtype: x!.dtype, shape } : `[${shape.join(", ")}] at ${offset} does not lie in ${typeText(x!)}`,
  element: (index, _inputs, { offset, shape }, read) => {
    const steps = strides(shape)
    return read(0, [add(index.reduce<Scalar>((sum, i, d) => add(sum, mul(i, i32(steps[d]!))), i32(0)), i32(offset))])
  },
  vjp: (b, g, [x], _y, { offset, shape }) =>
    [!isFloat(b, x!) ? undefined : elementCount(shape) === 0 ? constantLike(b, 0, x!) : b.apply("pack", [g], { offsets: [offset], total: b.typeOf(x!).shape[0]! })],
  samples: [{ inputs: [floats([20])], attrs: { offset: 5, shape: [2, 3] } }, { inputs: [floats([7])], attrs: { offset: 6, shape: [] } }, { inputs: [floats([130])], attrs: { offset: 64, shape: [4, 3, 5] } }],
}

export interface PackAttrs { readonly offsets: readonly number[]; readonly total: number }
const pack: Primitive<PackAttrs> = {
  name: "pack", kind: "movement", doc: "An arena of the operands, each in row-major order from its offset on, zeros between.",
  infer: (inputs, { offsets, total }) => {
    if (inputs.length === 0 || inputs.length !== offsets.length) return `pack takes as many operands as offsets, not ${inputs.length} and ${offsets.length}`
    let end = 0
    for (const [i, x] of inputs.entries()) {
      if (x.dtype !== "f32") return `pack takes f32, not ${typeText(x)}`
      if (!(offsets[i]! >= end)) return `operand ${i} of pack begins at ${offsets[i]}, before ${end}`
      end = offsets[i]! + elementCount(x.shape)
    }
    return end <= total ? { dtype: "f32", shape: [total] } : `the operands of pack end at ${end}, behind ${total}`
  },
  element: ([place], inputs, { offsets }, read) => {
    let result: Scalar = f32(0)
    for (let i = inputs.length - 1; i >= 0; i--) {
      const count = elementCount(inputs[i]!.shape)
      if (count === 0) continue
      const at = sub(place!, i32(offsets[i]!))
      const inside = and(ge(at, i32(0)), lt(at, i32(count)))
      result = select(inside, read(i, reshapeIndex([min(max(at, i32(0)), i32(count - 1))], [count], inputs[i]!.shape)), result)
    }
    return result
  },
  evaluate: (inputs, { offsets, total }) => {
    const result = new Float64Array(total)
    inputs.forEach((x, i) => result.set(x.data, offsets[i]!))
    return result
  },
  vjp: (b, g, inputs, _y, { offsets }) => inputs.map((x, i) => b.apply("view", [g], { offset: offsets[i]!, shape: b.typeOf(x).shape })),
  samples: [
    { inputs: [floats([3, 2]), floats([5])], attrs: { offsets: [0, 64], total: 128 } }, { inputs: [floats([2]), floats([]), floats([2, 2])], attrs: { offsets: [1, 4, 5], total: 12 } },
    { inputs: [floats([4, 16]), floats([64])], attrs: { offsets: [0, 64], total: 128 } },
  ],
}

export const arena = { view, pack }
