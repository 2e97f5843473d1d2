/** `nda devices`: the adapters that programs can run on. */
import * as Effect from "effect/Effect"
import { devicesText, listDevices } from "../runtime/devices.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import type { Outcome } from "./failure.ts"
import type { Arguments } from "./parse-arguments.ts"

/** The exit code says whether there is an adapter. */
export const devicesCommand = async (_args: Arguments, console: Console): Promise<Outcome> => {
  const devices = await Effect.runPromise(listDevices)
  console.out(console.json ? JSON.stringify(devices) : devicesText(devices))
  return devices.adapters.length === 0 ? exitCode.runtime : exitCode.ok
}
