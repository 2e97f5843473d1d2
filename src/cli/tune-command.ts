/** `nda tune`: measures on the present device which tiles its contractions should have, and keeps the answer for later compilations there. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { placeOf } from "../driver/compile.ts"
import { candidatesFor, sizesOf, worthMeasuring } from "../driver/tune.ts"
import { readTuned, tunedFile, writeTuned } from "../runtime/tuned-tiles.ts"
import { compileEntry, prepare, preparedFor, type Prepared } from "./compile-program.ts"
import type { Console } from "./console.ts"
import { openDevice, runtimeFailure, tunedFor } from "./device.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, outputFailure, systemReason, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { runInterruptibly } from "./interruption.ts"
import { orFail } from "./or-fail.ts"
import type { Arguments } from "./parse-arguments.ts"
import { progress } from "./progress.ts"

/** A tile must be so much faster than the one that is taken without measuring: less may be noise. */
const leastGain = 0.05

interface Measured {
  readonly at: string
  readonly out: readonly number[]
  readonly over: readonly number[]
  readonly candidates: number
  /** Seconds of the tile that is taken without measuring, and of the fastest. */
  readonly before: number
  readonly after: number
}

const milliseconds = (seconds: number): string => `${(seconds * 1000).toPrecision(3)} ms`
const lineOf = (m: Measured): string =>
  `${m.at}  ${m.out.join(" x ")} over ${m.over.join(" x ")}: ${m.after < m.before ? `${milliseconds(m.before)} -> ${milliseconds(m.after)}` : `${milliseconds(m.before)}, the fastest`} of ${m.candidates}`

const tuning = (prepared: Prepared, args: Arguments, console: Console): Effect.Effect<Outcome, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const device = yield* openDevice(args.one.get("device") ?? "auto")
    const { tuning: target } = device
    if (target === undefined) return usageFailure("the reference evaluator has no kernels to tune", "leave --device out, or name an adapter (nda devices)")
    // What is measured must not depend on what was measured before.
    const entry = yield* orFail(() => compileEntry(preparedFor(prepared, { ...device, tuned: undefined }, console), args, console))
    if (typeof entry === "number") return entry
    const pieces = entry.kind === "graph" ? [entry.compiled] : entry.compiled.pieces
    const shapes = new Map(pieces.flatMap((piece) => [...piece.schedule.shapes].map(([key, node]) => [key, placeOf(piece.program)(node.origin)] as const)))
    const of = tunedFor(device.name, target.profile)
    const known = args.on.has("force") ? {} : readTuned(of)
    const { large, small } = worthMeasuring([...shapes.keys()])
    const left = large.filter((key) => !Object.hasOwn(known, key))
    const shown = progress(console)
    const measured: Measured[] = []
    for (const [done, key] of left.entries()) {
      shown.stage("measuring contractions", done, left.length)
      const candidates = candidatesFor(key, target)
      const times: number[] = []
      for (const { plan } of candidates) times.push(yield* Effect.mapError(Effect.scoped(target.time(plan, Math.min(...times))), runtimeFailure))
      const first = times[0]
      if (first === undefined) continue
      const best = times.reduce((b, t, i) => (t < times[b]! * (b === 0 ? 1 - leastGain : 1) ? i : b), 0)
      // At once, so that what is interrupted can be gone on with.
      yield* orFail(() => writeTuned(of, { [key]: candidates[best]!.tile }).catch((error: unknown): Failure => outputFailure(`the choices cannot be kept: ${systemReason(error)}`, tunedFile(of), "NDA_CACHE names another folder for them")))
      measured.push({ at: shapes.get(key)!, ...sizesOf(key), candidates: times.length, before: first, after: times[best]! })
    }
    shown.close()
    const file = tunedFile(of)
    const before = large.length - left.length
    if (console.json) console.out(JSON.stringify({ entry: prepared.entry, adapter: device.name, contractions: measured, before, small: small.length, file }))
    else {
      for (const m of measured) console.out(lineOf(m))
      if (before > 0) console.note(`${before} of ${large.length} contractions were measured before; --force measures them again`)
      if (small.length > 0) console.note(`${small.length} contractions that together do less than a fiftieth of the work stay as they are`)
      console.note(large.length === 0 ? `${prepared.entry} has no contraction large enough for tiles` : `kept the choices for ${device.name} in ${file}`)
    }
    return exitCode.ok
  })

export const tuneCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const prepared = await prepare(args, console, false)
  if (typeof prepared === "number" || isFailure(prepared)) return prepared
  return runInterruptibly(Effect.scoped(tuning(prepared, args, console)), console)
}
