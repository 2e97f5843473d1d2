/**
 * The record of a primitive (HOUSE section 6): the fewest facts from which the shape rule, the reference evaluator,
 * the kernel, the gradient and the documentation page all follow. The table is the only place that names primitives.
 */
import type { Scalar, ScalarType, Var } from "../scalar/scalar.ts"

export type Shape = readonly number[]
export interface TensorType {
  readonly dtype: ScalarType
  readonly shape: Shape
}

/** What a vjp is written against; `ir/build.ts` implements it over graph nodes. `V` is a graph value. */
export interface Build<V> {
  typeOf(x: V): TensorType
  /** Applies a primitive by name. */
  apply(prim: string, inputs: readonly V[], attrs?: object): V
  scalar(value: number, dtype?: ScalarType): V
  zeros(shape: Shape): V
  add(a: V, b: V): V
  sub(a: V, b: V): V
  mul(a: V, b: V): V
  div(a: V, b: V): V
  neg(a: V): V
}

/**
 * Cotangents of the inputs, given the cotangent of the output; `undefined` where an input carries none. A rule may leave
 * out what is not `wanted` (by input; everything when absent).
 */
export type Vjp<A> = <V>(b: Build<V>, cotangent: V, inputs: readonly V[], output: V, attrs: A, wanted?: readonly boolean[]) => readonly (V | undefined)[]

export interface Sample<A> {
  readonly inputs: readonly { readonly shape: Shape; readonly dtype?: ScalarType; readonly low?: number; readonly high?: number }[]
  readonly attrs: A
}

export type Kind = "elementwise" | "movement" | "reduction" | "contraction" | "access" | "opaque" | "source"

/** What a run fixes: draws depend on it and on nothing else that changes. */
export interface Run {
  readonly seed: number
  readonly step: number
  readonly repeat: number
}

/** Reads one element of input `slot`. */
export type Reader = (slot: number, index: readonly Scalar[]) => Scalar

export interface Primitive<A = any> {
  readonly name: string
  readonly kind: Kind
  /** One sentence; shown by `nda explain`. */
  readonly doc: string
  /** The result's type, or the sentence that says why there is none (a bug in the caller: the checker has its own words). */
  infer(inputs: readonly TensorType[], attrs: A): TensorType | string
  /**
   * The element of the result at `index`, by reading elements of the inputs. Both the evaluator and every kernel are
   * derived from it. Absent only for `opaque` and `source` primitives.
   */
  readonly element?: (index: readonly Scalar[], inputs: readonly TensorType[], attrs: A, read: Reader, output: TensorType) => Scalar
  /** Opaque primitives, constants and draws bring their evaluator. */
  readonly evaluate?: (inputs: readonly { readonly shape: Shape; readonly data: Float64Array }[], attrs: A, run: Run) => Float64Array
  /**
   * Primitives that write instead of gather: loop nests to run one after another, each in row-major order, adding
   * `value` at `index` of a result that is 0 before. Says the same as `element`, in fewer operations.
   */
  readonly scatter?: (attrs: A) => readonly { readonly vars: readonly Var[]; readonly index: readonly Scalar[]; readonly value: Scalar }[]
  /** Computed on the host in f64, once, from what an eval has gathered: it has no kernel. */
  readonly host?: true
  /** The gradient rule, or the sentence the user sees when one is asked for. */
  readonly vjp: Vjp<A> | { readonly none: string }
  /** The largest error in units in the last place of the f32 kernel against the exact value (elementwise). */
  readonly ulp?: number
  /** Shapes and attributes that the oracle tests draw from. */
  readonly samples: readonly Sample<A>[]
}
