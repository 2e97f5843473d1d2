/** Parameter paths are an API (RULINGS 19): what files are called by, and what initial values are drawn from. */
import { expect, test } from "vitest"
import { elaborated } from "./program.ts"

const leaves = (body: string): Readonly<Record<string, readonly number[]>> => {
  const program = elaborated(`from nda.nn import linear
from nda.optim import sgd
block net(x: f32[2, 3]) -> f32 { ${body} }
model M = net
train fit(steps = 1) { step go { minimize M(ones([2, 3])) over M by sgd } }`, "fit")
  return Object.fromEntries(program.slots.find((slot) => slot.name === "M")!.leaves.map((leaf) => [leaf.path, leaf.shape]))
}

test("each turn of a loop has parameters of its own, whether a name holds what it makes or not", () => {
  expect(leaves("sum(loop h = x for i in 0..2 { let y = h |> linear(4, bias=false)\n y })")).toEqual({ "y.0.linear.weight": [4, 3], "y.1.linear.weight": [4, 4] })
  expect(leaves("sum(loop h = x for i in 0..2 { h |> linear(4, bias=false) })")).toEqual({ "linear.0.weight": [4, 3], "linear.1.weight": [4, 4] })
})
