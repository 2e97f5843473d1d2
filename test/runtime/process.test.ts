import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { buildSync } from "esbuild"
import { beforeAll, describe, expect, it } from "vitest"
import { open } from "../../src/runtime/runtime-api.ts"
import { doubleThenSquare, slow } from "./plans.ts"

const folder = path.resolve(".cache/test-runtime")
const bundle = path.join(folder, "runtime-api.mjs")

const program = (name: string, body: string): string => {
  const file = path.join(folder, name)
  fs.writeFileSync(file, `import { open } from "./runtime-api.mjs"\n${body}`)
  return file
}

beforeAll(() => {
  fs.mkdirSync(folder, { recursive: true })
  buildSync({ entryPoints: ["src/runtime/runtime-api.ts"], outfile: bundle, bundle: true, platform: "node", format: "esm", external: ["webgpu"], logLevel: "error" })
})

describe("a process that runs a plan", () => {
  it("ends by itself with code 0, closed or not", () => {
    for (const ending of ["await opened.close()", ""]) {
      const file = program("run.mjs", `const opened = await open(${JSON.stringify(doubleThenSquare(4))})
const { y } = await opened.graph({ x: Float32Array.of(1, 2, 3, 4) })
console.log([...y].join(" "))
${ending}`)
      const child = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 })
      expect({ status: child.status, signal: child.signal, stdout: child.stdout }).toEqual({ status: 0, signal: null, stdout: "3 5 7 9\n" })
    }
  })

  it("gives back every buffer, then the device, on Ctrl-C during a kernel, and ends with code 130", async () => {
    const file = path.join(folder, "interrupted.mjs")
    const contents = `
import * as NodeRuntime from "@effect/platform-node-shared/NodeRuntime"
import * as Effect from "effect/Effect"
import { loadPlan } from "./src/runtime/executor.ts"
import { Gpu, gpuLayer } from "./src/runtime/gpu.ts"
const forever = Effect.gen(function* () {
  const gpu = yield* Gpu
  yield* Effect.addFinalizer(() => Effect.sync(() => console.log("bytes", gpu.ledger.liveBytes, "trouble", gpu.trouble()?.reason)))
  const executor = yield* loadPlan(${JSON.stringify(slow(64 * 256, 100_000))})
  console.log("bytes", gpu.ledger.liveBytes)
  yield* Effect.forever(executor.run({}, { seed: 0, step: 0, repeat: 0 }))
})
NodeRuntime.runMain(Effect.provide(Effect.scoped(forever), gpuLayer()), { disableErrorReporting: true })`
    buildSync({ stdin: { contents, resolveDir: "." }, outfile: file, bundle: true, platform: "node", format: "esm", external: ["webgpu"], logLevel: "error" })
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "ignore"] })
    let printed = ""
    const ended = new Promise((resolve) => child.once("close", resolve))
    await new Promise((ready) => child.stdout.on("data", (text) => ready((printed += text))))
    await new Promise((later) => setTimeout(later, 100))
    child.kill("SIGINT")
    await ended
    expect({ printed, code: child.exitCode }).toEqual({ printed: `bytes ${2 * 4 * 64 * 256}\nbytes 0 trouble undefined\n`, code: 130 })
  })

  it("does not load Dawn's binary before a device is asked for", () => {
    const file = program("idle.mjs", `void open
console.log((await import("node:fs")).readFileSync("/proc/self/maps", "utf8").includes("dawn.node"))`)
    expect(spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 }).stdout).toBe("false\n")
  })
})

describe("the Promise interface", () => {
  it("takes the plan's seed, fills in sample numbers and rejects with the typed error", async () => {
    const plan = doubleThenSquare(4)
    const numbered = {
      ...plan,
      buffers: plan.buffers.map((buffer) => (buffer.id === 1 ? { ...buffer, dtype: "i32" as const } : buffer)),
      kernels: plan.kernels.map((kernel) => (kernel.id === 0 ? { ...kernel, wgsl: kernel.wgsl.replace("x: array<f32>", "x: array<i32>").replace("2.0 * x[id.x]", "2.0 * f32(x[id.x])") } : kernel)),
      inputs: [{ name: "number", buffer: 1, dtype: "i32" as const, shape: [4], source: { name: "b", field: "#index" } }],
    }
    const opened = await open(numbered)
    expect([...(await opened.graph())["y"]!]).toEqual([1, 3, 5, 7])
    expect([...(await opened.graph({ number: Int32Array.of(5, 5, 5, 6) }, { seed: 0, step: 1 }))["y"]!]).toEqual([20, 20, 20, 22])
    await opened.close()
    await expect(opened.graph()).rejects.toMatchObject({ _tag: "GpuError", reason: "DeviceLost" })
    await expect(open(plan, { device: "Voodoo 2" })).rejects.toMatchObject({ _tag: "GpuError", reason: "NoAdapter" })
  })
})
