/** A failure as a value becomes the effect's error. */
import * as Effect from "effect/Effect"
import { isFailure, type Failure } from "./failure.ts"

export const orFail = <A>(promise: () => Promise<A | Failure>): Effect.Effect<Exclude<A, Failure>, Failure> =>
  Effect.flatMap(Effect.promise(promise), (value) => (isFailure(value) ? Effect.fail(value) : Effect.succeed(value as Exclude<A, Failure>)))
