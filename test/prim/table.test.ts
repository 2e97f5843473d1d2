import { describe, expect, test } from "vitest"
import { centralDifference } from "../../src/backend/reference/finite-difference.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import type { Node } from "../../src/ir/graph.ts"
import type { Primitive } from "../../src/prim/primitive.ts"
import { elementCount } from "../../src/prim/shape.ts"
import { primitives } from "../../src/prim/table.ts"
import { read, variable } from "../../src/scalar/scalar.ts"
import { gradientsOf } from "./reverse.ts"
import { caseOf, valueOf, weighted } from "./sampled.ts"
import type { Case } from "./sampled.ts"

const table = Object.values(primitives) as readonly Primitive[]

const close = (got: Float64Array, expected: Float64Array, what: string): void => {
  const scale = Math.max(1, ...Array.from(expected, Math.abs))
  got.forEach((x, i) => {
    if (!(Math.abs(x - expected[i]!) <= 1e-6 * scale)) throw new Error(`${what}: element ${i} is ${x}, central differences give ${expected[i]}`)
  })
}

/** Compares the gradient of a scalar node in every f32 input with central differences, in f64. */
const checkGradient = ({ builder, inputs, feeds }: Case, root: Node, what: string): Node[] => {
  const targets = inputs.filter((x) => x.dtype === "f32")
  const gradients = gradientsOf(builder, root, targets)
  targets.forEach((x, i) => {
    const numerical = centralDifference((data) => valueOf(root, new Map(feeds).set(x, ndarray("f32", x.shape, data)))[0]!, feeds.get(x)!.data)
    close(valueOf(gradients[i]!, feeds), numerical, `${what}, operand ${inputs.indexOf(x)}`)
  })
  return gradients
}

describe.each(table.map((primitive) => [primitive.name, primitive] as const))("%s", (name, primitive) => {
  test("is in the table under its name and has a sentence for its page", () => {
    expect(Object.entries(primitives).find(([, record]) => (record as Primitive) === primitive)![0]).toBe(name)
    expect(primitive.doc).toMatch(/^\S.*\.$/)
    expect(primitive.kind === "source" || primitive.samples.length > 0).toBe(true)
  })

  test("evaluates to the shape that infer gives, finite, in every arithmetic", () => {
    for (const sample of primitive.samples) {
      const { output, feeds } = caseOf(name, sample)
      for (const mode of ["exact", "reference", "f32"] as const) {
        const value = valueOf(output, feeds, mode)
        expect(value.length).toBe(elementCount(output.shape))
        expect(value.every(Number.isFinite)).toBe(true)
        if (output.dtype === "bool") expect(value.every((x) => x === 0 || x === 1)).toBe(true)
        else if (output.dtype !== "f32") expect(value.every(Number.isInteger)).toBe(true)
      }
    }
  })

  if (primitive.scatter) test("gathers what it scatters, also in the scatters of its gradients", () => {
    for (const [prim, sample] of [...primitive.samples.map((own) => [name, own] as const), ...primitives.tabulate.samples.map((own) => ["tabulate", own] as const)]) {
      const { builder, inputs, output, feeds } = caseOf(prim, sample)
      gradientsOf(builder, weighted(builder, builder.mul(output, output), 5), inputs)
      for (const node of builder.nodes().filter((x) => x.prim === name)) {
        const vars = node.shape.map((extent, d) => variable(`j${d}`, extent))
        const element = primitive.element!(vars, node.inputs, node.attrs, (slot, index) => read(node.inputs[slot]!.dtype, slot, index), node)
        close(valueOf(builder.apply("tabulate", node.inputs, { vars, body: [element] }), feeds), valueOf(node, feeds), "the gathered form")
      }
    }
  })

  const vjp = primitive.vjp
  if (typeof vjp !== "function") test("says why it has no gradient", () => expect(vjp.none).toMatch(/gradient/))
  else {
    test("has the gradient that central differences give", () => {
      primitive.samples.forEach((sample, i) => {
        const made = caseOf(name, sample)
        if (made.output.dtype === "f32") checkGradient(made, weighted(made.builder, made.output, 5), `sample ${i}`)
      })
    })
    test("has the second gradient that central differences give", () => {
      primitive.samples.forEach((sample, i) => {
        const made = caseOf(name, sample)
        if (made.output.dtype !== "f32" || elementCount(made.output.shape) > 100) return
        const { builder } = made
        const squares = builder.mul(made.output, made.output)
        const first = gradientsOf(builder, weighted(builder, squares, 5), made.inputs.filter((x) => x.dtype === "f32"))
        const root = first.map((g, k) => weighted(builder, g, 7 + k)).reduce((a, b) => builder.add(a, b), builder.scalar(0))
        checkGradient(made, root, `sample ${i}`)
      })
    })
  }
})
