/** Checks that a value read from a file is a plan that can be run; names everything that is wrong, never throws. */
type Json = unknown
type Check = (x: Json, at: string) => void

const mostGroups = 65535
const offsetAlignment = 256
const dtypes = ["f32", "i32", "u32", "bool"]

const isObject = (x: Json): x is Record<string, Json> => typeof x === "object" && x !== null && !Array.isArray(x)
const isCount = (x: Json): x is number => typeof x === "number" && Number.isSafeInteger(x) && x >= 0

export const validatePlan = (json: Json): string[] => {
  const problems: string[] = []
  const wrong = (at: string, what: string): void => { if (problems.length < 100) problems.push(`${at}: ${what}`) }

  const count: Check = (x, at) => { if (!isCount(x)) wrong(at, "must be a whole number, 0 or more") }
  const text: Check = (x, at) => { if (typeof x !== "string") wrong(at, "must be text") }
  const oneOf = (...values: readonly string[]): Check => (x, at) => { if (typeof x !== "string" || !values.includes(x)) wrong(at, `must be one of ${values.join(", ")}`) }
  const list = (each: Check): Check => (x, at) => {
    if (!Array.isArray(x)) return wrong(at, "must be a list")
    x.forEach((item, i) => each(item, `${at}[${i}]`))
  }
  const record = (fields: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check => (x, at) => {
    if (!isObject(x)) return wrong(at, "must be an object")
    for (const [name, check] of Object.entries(fields)) {
      if (!(name in x)) wrong(`${at}.${name}`, "is missing")
      else check(x[name], `${at}.${name}`)
    }
    for (const [name, check] of Object.entries(optional)) if (name in x) check(x[name], `${at}.${name}`)
    for (const name of Object.keys(x)) if (!(name in fields) && !(name in optional)) wrong(`${at}.${name}`, "is not known")
  }
  const scalars: Check = (x, at) => {
    if (!isObject(x)) return wrong(at, "must be an object")
    for (const [name, v] of Object.entries(x)) if (!["string", "number", "boolean"].includes(typeof v)) wrong(`${at}.${name}`, "must be a number, text or truth value")
  }
  const where = record({ at: text, label: text })
  const shape = list(count)
  const triple: Check = (x, at) => {
    list(count)(x, at)
    if (Array.isArray(x) && x.length !== 3) wrong(at, "must have 3 entries")
  }

  record({
    version: (x, at) => { if (x !== 1) wrong(at, `is ${JSON.stringify(x)}; this nda reads version 1`) },
    entry: text,
    kind: oneOf("graph"),
    needs: record({
      maxStorageBuffersPerShaderStage: count, maxStorageBufferBindingSize: count, maxBufferSize: count,
      maxComputeWorkgroupStorageSize: count, maxComputeInvocationsPerWorkgroup: count, features: list(text)
    }, { subgroupSize: count }),
    sources: list(record({
      name: text, loader: text, split: oneOf("train", "test", "all"), batch: count, options: scalars,
      fields: list(record({ name: text, dtype: oneOf(...dtypes, "u8"), shape })), origin: where
    }, { whole: (x, at) => { if (typeof x !== "boolean") wrong(at, "must be true or false") } })),
    buffers: list(record(
      { id: count, bytes: count, role: oneOf("input", "output", "temporary", "constant", "uniform"), dtype: oneOf(...dtypes, "u8"), shape, origin: where },
      { data: list(count), zeroed: (x, at) => { if (x !== true) wrong(at, "must be true or left out") } }
    )),
    kernels: list(record({
      id: count, name: text, wgsl: text, workgroup: triple, bindings: list(oneOf("uniform", "read", "write")),
      kind: oneOf("sample", "map", "gather", "reduce", "contract", "opaque", "joint"), origin: where
    })),
    inputs: list(record({ name: text, buffer: count, dtype: oneOf(...dtypes, "u8"), shape }, { source: record({ name: text, field: text }), slot: text })),
    outputs: list(record({ name: text, buffer: count, dtype: oneOf(...dtypes), shape }, { picture: oneOf("image", "clip"), population: text, slot: text })),
    commands: list((x, at) => {
      if (!isObject(x)) return wrong(at, "must be an object")
      switch (x.op) {
        case "dispatch": return record({ op: text, kernel: count, groups: triple, buffers: list(record({ buffer: count, offset: count, bytes: count })), origin: where })(x, at)
        case "copy": return record({ op: text, from: count, to: count, bytes: count })(x, at)
        case "fill": return record({ op: text, buffer: count, bytes: count })(x, at)
        default: return wrong(`${at}.op`, "must be one of dispatch, copy, fill")
      }
    }),
    peakBytes: count,
    liveBytes: count,
    settings: scalars
  }, { profile: oneOf("cpu", "gpu") })(json, "plan")
  if (problems.length > 0) return problems

  // The shape is right: now what refers to what.
  const plan = json as {
    buffers: { id: number; bytes: number; role: string; data?: number[] }[]
    kernels: { id: number; bindings: string[] }[]
    inputs: { buffer: number; shape: number[] }[]
    outputs: { buffer: number; shape: number[] }[]
    commands: ({ op: "dispatch"; kernel: number; groups: number[]; buffers: { buffer: number; offset: number; bytes: number }[] } | { op: "copy"; from: number; to: number; bytes: number } | { op: "fill"; buffer: number; bytes: number })[]
  }
  plan.buffers.forEach((b, i) => {
    if (b.id !== i) wrong(`plan.buffers[${i}].id`, `is ${b.id}`)
    if (b.bytes % 4 !== 0 || b.bytes === 0) wrong(`plan.buffers[${i}].bytes`, `${b.bytes} is not a positive multiple of 4`)
    if (b.data && b.data.length * 4 !== b.bytes) wrong(`plan.buffers[${i}].data`, `${b.data.length} words for ${b.bytes} bytes`)
    if (b.role === "constant" && !b.data) wrong(`plan.buffers[${i}].data`, "is missing")
  })
  plan.kernels.forEach((k, i) => { if (k.id !== i) wrong(`plan.kernels[${i}].id`, `is ${k.id}`) })
  const bufferAt = (id: number, bytes: number, at: string): void => {
    const buffer = plan.buffers[id]
    if (!buffer) wrong(at, `there is no buffer ${id}`)
    else if (bytes > buffer.bytes) wrong(at, `${bytes} bytes of buffer ${id}, which has ${buffer.bytes}`)
  }
  const elements = (s: readonly number[]): number => s.reduce((a, b) => a * b, 1)
  plan.inputs.forEach((x, i) => bufferAt(x.buffer, 4 * elements(x.shape), `plan.inputs[${i}]`))
  plan.outputs.forEach((x, i) => bufferAt(x.buffer, 4 * elements(x.shape), `plan.outputs[${i}]`))
  plan.commands.forEach((c, i) => {
    const at = `plan.commands[${i}]`
    if (c.op === "copy") {
      bufferAt(c.from, c.bytes, `${at}.from`)
      bufferAt(c.to, c.bytes, `${at}.to`)
    } else if (c.op === "fill") bufferAt(c.buffer, c.bytes, `${at}.buffer`)
    else {
      const kernel = plan.kernels[c.kernel]
      if (!kernel) wrong(`${at}.kernel`, `there is no kernel ${c.kernel}`)
      else if (kernel.bindings.length !== c.buffers.length) wrong(`${at}.buffers`, `${c.buffers.length} buffers for ${kernel.bindings.length} bindings`)
      c.groups.forEach((g, d) => { if (g < 1 || g > mostGroups) wrong(`${at}.groups[${d}]`, `${g} is not between 1 and ${mostGroups}`) })
      c.buffers.forEach((b, k) => {
        bufferAt(b.buffer, b.offset + b.bytes, `${at}.buffers[${k}]`)
        if (b.offset % offsetAlignment !== 0) wrong(`${at}.buffers[${k}].offset`, `${b.offset} is no multiple of ${offsetAlignment}`)
        if (b.bytes === 0 || b.bytes % 4 !== 0) wrong(`${at}.buffers[${k}].bytes`, `${b.bytes} is not a positive multiple of 4`)
      })
    }
  })
  return problems
}
