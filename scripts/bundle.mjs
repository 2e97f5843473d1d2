// How nda's sources become JavaScript: the three bundles and the options that they share with the development run.
import path from "node:path"
import { fileURLToPath } from "node:url"

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")

/** Bundled CommonJS packages call `require`, which a module does not have. */
const requireBanner = `import { createRequire as ndaCreateRequire } from "node:module"; const require = ndaCreateRequire(import.meta.url);`
const shared = { absWorkingDir: root, bundle: true, format: "esm", target: "node20", external: ["webgpu", "sharp"], logLevel: "warning", charset: "utf8" }

/** Split, so that a command loads only its own part: checking a program loads neither Effect nor anything of the device's. */
export const cliBundle = (outdir) => ({
  ...shared, entryPoints: [{ in: "src/cli/main.ts", out: "cli" }], outdir, splitting: true, chunkNames: "cli-parts/[name]-[hash]", minifyWhitespace: true, minifySyntax: true,
  platform: "node", banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
})
/** A library: programs that use Effect must share it with this, so it is not bundled. */
export const runtimeBundle = (outfile) => ({ ...shared, entryPoints: ["src/runtime.ts"], outfile, platform: "node", external: [...shared.external, "effect", "effect/*"], banner: { js: requireBanner } })
/** The compiler alone: it must run in a browser, so an import of node's would be an error here. */
export const compilerBundle = (outfile) => ({ ...shared, entryPoints: ["src/index.ts"], outfile, platform: "neutral", mainFields: ["module", "main"], target: "es2022", minifyWhitespace: true, minifySyntax: true })
