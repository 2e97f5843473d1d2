/** What a command loads before it works: checking a program must stay quick, so neither Effect nor anything that compiles or runs programs is read for it. */
import { build } from "esbuild"
import { expect, test } from "vitest"
import { cliBundle } from "../../scripts/bundle.mjs"

/** The sources in the files that node reads for a command, those of `import()` left out. */
const loadedBy = async (command: string): Promise<string[]> => {
  const { metafile } = await build({ ...cliBundle("unused"), write: false, metafile: true })
  const outputs = Object.entries(metafile.outputs)
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const i of metafile.outputs[file]!.imports) if (i.kind === "import-statement" && metafile.outputs[i.path]) visit(i.path)
  }
  for (const [file, { entryPoint }] of outputs) if (entryPoint === "src/cli/main.ts" || entryPoint === `src/cli/${command}.ts`) visit(file)
  return [...seen].flatMap((file) => Object.keys(metafile.outputs[file]!.inputs))
}

test("`nda check` loads no runtime, no back end and no pass after the check", async () => {
  const loaded = await loadedBy("check-command")
  expect(loaded).toContain("src/check/program.ts")
  // Reading a file is the one part of the runtime that a check has a use for.
  const allowed = /^src\/runtime\/data\/(read-file|data-error)\.ts$/
  const heavy = loaded.filter((file) => /^src\/(runtime|backend|ir|elaborate|transform|kernel|schedule|plan)\/|node_modules\/(effect|webgpu|sharp)\//.test(file) && !allowed.test(file))
  expect(heavy).toEqual([])
})
