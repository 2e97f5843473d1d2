import { expect, test } from "vitest"
import { elaborated, example, executed, initialSlots, outputsOf } from "./program.ts"

// PAPER 1.3, the closed forms at G = p_data.
const onData = (lambda: number): number => 1 / (1 + lambda)
const value = (lambda: number): number => -Math.log(1 + lambda) + lambda * Math.log(lambda) - lambda * Math.log(1 + lambda)

test.each([1, 0.75, 0.5, 0.25, 0.15])("with lambda = %f the toy's critic and its game reach the closed forms within one per cent", (lambda) => {
  const program = elaborated(example("toy"), "toy", { lambda: String(lambda) })
  let slots = initialSlots(program)
  for (let step = 0; step < 500; step++) slots = executed(program.steps[0]!, slots, { step, repeat: 0 }).slots
  const report = outputsOf(program.every[0]!.graph, slots)
  const of = (name: string): number => report.get(name)!.data[0]!
  expect(Math.abs(of("on_data") / onData(lambda) - 1)).toBeLessThan(0.01)
  expect(Math.abs(of("value") / value(lambda) - 1)).toBeLessThan(0.01)
  expect(of("on_data_theory")).toBeCloseTo(onData(lambda), 6)
  expect(of("value_theory")).toBeCloseTo(value(lambda), 6)
  if (lambda < 1) expect(of("on_negatives")).toBeLessThan(0.01)
})
