import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["./scripts/stdlib.mjs"],
    // A software adapter compiles a shader at its first dispatch, on the cores that the tests use too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
