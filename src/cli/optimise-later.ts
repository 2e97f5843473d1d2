/**
 * When V8 optimises. Its defaults suit servers: in a process that ends within seconds, optimising costs more processor time than the faster code
 * saves, half of what a check takes. Here a function must have run about ten times as long first; loops that run for seconds get there all the same.
 */
import v8 from "node:v8"

/** By V8's major version, since each has its own measure and refuses the names of others aloud. Of versions that are not here the defaults hold. */
const patience: Readonly<Record<string, string>> = {
  11: "--interrupt-budget=1000000",
  12: "--invocation-count-for-turbofan=30000",
}

export const optimiseLater = (): void => {
  const flag = patience[process.versions.v8.split(".")[0]!]
  if (flag !== undefined) v8.setFlagsFromString(flag)
}
