/** Prints what was fused and where fusion stopped, and why, for `--emit fused`. */
import type { Node, Origin } from "../ir/graph.ts"
import type { Schedule } from "./groups.ts"

const nameOf = (node: Node): string => node.origin.label || (node.attrs as { readonly name?: string; readonly path?: string } | undefined)?.name || (node.attrs as { readonly path?: string } | undefined)?.path || node.prim
const typed = (node: Node): string => `${node.dtype}[${node.shape.join(", ")}]`

export const printSchedule = (schedule: Schedule, placeOf: (origin: Origin) => string = () => ""): string => {
  const { fusion, kernels } = schedule
  const kinds = { row: "kept for each sample", buffer: "stored" } as const
  const stops = [...fusion.stops.values()].flatMap((s) => (s.kind === "row" || s.kind === "buffer" ? [`  ${kinds[s.kind]}: ${nameOf(s.node)} ${typed(s.node)}: ${s.reason}   ${placeOf(s.node.origin)}`.trimEnd()] : []))
  return [
    `${kernels.length} kernel${kernels.length === 1 ? "" : "s"}, ${fusion.live.length} nodes`,
    ...kernels.map(({ kernel, bound, node, ranges }, i) => {
      const names = bound.map((b, k) => `${kernel.bindings[k]!.access} ${b.kind === "node" ? `${nameOf(b.node)} ${typed(b.node)}` : b.kind === "table" ? `samples ${b.table.rows} x ${4 * b.table.stride} words` : b.kind}`)
      return `  ${kernel.kind}${i} for ${nameOf(node)}: ${names.join("; ")}${ranges ? `; ${Math.ceil(ranges.samples / ranges.step)} ranges of ${ranges.step} samples` : ""}   ${placeOf(node.origin)}`.trimEnd()
    }),
    "where fusion stops",
    ...stops,
    ""
  ].join("\n")
}
