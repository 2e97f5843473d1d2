import { expect, test } from "vitest"
import { graphBuilder } from "../../src/ir/build.ts"
import { elementCount } from "../../src/prim/shape.ts"
import { valueOf } from "./sampled.ts"

/** Applies a primitive to arrays that count 0, 1, 2, …; the second goes on where the first ends. */
const of = (prim: string, attrs: object, ...shapes: number[][]): number[] => {
  const b = graphBuilder()
  let next = 0
  const inputs = shapes.map((shape) => b.constant(Array.from({ length: elementCount(shape) }, () => next++), "f32", shape))
  return [...valueOf(b.apply(prim, inputs, attrs), new Map())]
}
const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

test.each([[[2, 6], [3, 4]], [[2, 3, 4], [24]], [[24], [2, 3, 4]], [[4, 6], [2, 2, 3, 2]], [[1, 6, 1], [6]], [[6], [1, 2, 1, 3, 1]], [[2, 3, 5], [2, 15]], [[6, 4], [4, 6]], [[1], []], [[2, 1, 9], [6, 3]]])(
  "reshaping %j to %j keeps the row-major order", (from, to) => expect(of("reshape", { shape: to }, from)).toEqual(count(elementCount(from))))

test("permute puts dimension perm[d] at d", () => {
  expect(of("permute", { perm: [1, 0] }, [2, 3])).toEqual([0, 3, 1, 4, 2, 5])
  // [2, 3, 2] -> [2, 2, 3]: result[k][i][j] = x[i][j][k]
  expect(of("permute", { perm: [2, 0, 1] }, [2, 3, 2])).toEqual([0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11])
})

test("broadcast repeats along the dimensions that map leaves out", () => {
  expect(of("broadcast", { shape: [2, 3], map: [1] }, [3])).toEqual([0, 1, 2, 0, 1, 2])
  expect(of("broadcast", { shape: [2, 3], map: [0] }, [2])).toEqual([0, 0, 0, 1, 1, 1])
  expect(of("broadcast", { shape: [2, 3], map: [1, 0] }, [3, 2])).toEqual([0, 2, 4, 1, 3, 5])
})

test("slice, pad, flip and concat stand where they say", () => {
  expect(of("slice", { start: [0, 1], size: [2, 2], step: [1, 2] }, [2, 4])).toEqual([1, 3, 5, 7])
  expect(of("pad", { low: [1, 0], high: [0, 2], value: -1 }, [1, 2])).toEqual([-1, -1, -1, -1, 0, 1, -1, -1])
  expect(of("flip", { axes: [0] }, [2, 2])).toEqual([2, 3, 0, 1])
  expect(of("flip", { axes: [0, 1] }, [2, 2])).toEqual([3, 2, 1, 0])
  expect(of("concat", { axis: 1 }, [2, 2], [2, 1], [2, 0])).toEqual([0, 1, 4, 2, 3, 5])
  expect(of("concat", { axis: 0 }, [1, 2], [2, 2])).toEqual([0, 1, 2, 3, 4, 5])
  expect(of("iota", { shape: [2, 3], axis: 1 })).toEqual([0, 1, 2, 0, 1, 2])
})

test("reductions take the dimensions they name", () => {
  expect(of("sum", { axes: [0] }, [2, 3])).toEqual([3, 5, 7])
  expect(of("sum", { axes: [2, 0] }, [2, 2, 2])).toEqual([10, 18])
  expect(of("prod", { axes: [1] }, [2, 3])).toEqual([0, 60])
  expect(of("max_reduce", { axes: [0] }, [2, 3])).toEqual([3, 4, 5])
  expect(of("min_reduce", { axes: [0, 1] }, [2, 3])).toEqual([0])
})
