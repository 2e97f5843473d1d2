import { expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import { valueOf } from "./sampled.ts"

const of = (data: number[], prim: string, attrs: object, shape = [data.length]): number[] => {
  const builder = graphBuilder()
  const x = builder.input("x", "f32", shape)
  return [...valueOf(builder.apply(prim, [x], attrs), new Map([[x, ndarray("f32", shape, data)]]))]
}

test("argmax takes the first of equals and counts NaN as infinity", () => {
  expect(of([1, 5, 5, 2], "argmax", { axis: 0 })).toEqual([1])
  expect(of([1, NaN, 9, NaN], "argmax", { axis: 0 })).toEqual([1])
  expect(of([-Infinity, -Infinity], "argmax", { axis: 0 })).toEqual([0])
})

test("sorting keeps the order of equals in both directions and puts NaN last", () => {
  expect(of([2, NaN, 1, 2, 0], "argsort", { axis: 0, descending: false })).toEqual([4, 2, 0, 3, 1])
  expect(of([2, NaN, 1, 2, 0], "argsort", { axis: 0, descending: true })).toEqual([0, 3, 2, 4, 1])
  expect(of([3, 1, 2, 0, 5, 4], "sort", { axis: 0, descending: false }, [3, 2])).toEqual([2, 0, 3, 1, 5, 4])
})

test("a sum over no elements is 0 and a product 1", () => {
  expect(of([], "sum", { axes: [1] }, [2, 0])).toEqual([0, 0])
  expect(of([], "prod", { axes: [1] }, [2, 0])).toEqual([1, 1])
})
