import { build } from "esbuild"
import { expect, test } from "vitest"
import { compilerBundle, root } from "../../scripts/bundle.mjs"
import { check, compile, explain, format, hasErrors, render, stdlib } from "../../src/index.ts"

test("the compiler bundles for a browser without node, Effect, Dawn or sharp", async () => {
  const { metafile, outputFiles } = await build({ ...compilerBundle("unused.js"), absWorkingDir: root, platform: "browser", external: [], write: false, metafile: true })
  const foreign = Object.keys(metafile.inputs).filter((file) => /node_modules\/(effect|@effect|webgpu|sharp|fflate)\/|^src\/(runtime|cli)\//.test(file))
  expect(foreign).toEqual([])
  expect(outputFiles[0]!.text).not.toMatch(/from\s*"node:/)
})

test("a text is checked, compiled, formatted and its errors rendered without a file or a device", () => {
  const text = "graph twice(x: f32[n]) = { y: x + x }\n"
  const request = { file: "a.nda", sources: { "a.nda": text }, set: { n: "4" } }
  const { value, diagnostics } = compile(request)
  expect(diagnostics).toEqual([])
  expect(value!.plan.outputs).toMatchObject([{ name: "y", shape: [4] }])
  expect(format("a.nda", text).value).toBe(format("a.nda", format("a.nda", text).value!).value)
  const wrong = { "a.nda": "graph twice(x: f32[n]) = { y: x + z }\n" }
  const found = check({ file: "a.nda", sources: wrong }).diagnostics
  expect(hasErrors(found)).toBe(true)
  expect(render(found, wrong)).toMatch(/error\[NDA0201\][^]*a\.nda:1:35/)
  expect(explain("NDA0101")).toBeDefined()
  expect(Object.keys(stdlib)).toContain("nda.image")
})
