/** Family 04: shapes, sizes and element types. */
import type { Family } from "../page.ts"

export const shapes: Family = {
  NDA0401: {
    title: "two tensors that do not line up",
    page: `Tensors of equal rank need equal sizes; one of lower rank is repeated along the dimensions whose names it does not have, so its own must
appear, in order, among the other's. There is no broadcasting of sizes of 1: that is where [n, 1] - [n] goes wrong elsewhere.

    main + skip
    ^^^^^^^^^^^ 2*h is not h, 2*w is not w

The message shows both types and where each size was made. To repeat a tensor along a new dimension write expand(x, axis=1).`,
  },
  NDA0402: {
    title: "matrices that cannot be multiplied",
    page: `\`a @ b\` sums over the last dimension of \`a\` and the first of \`b\`, which must be equal. Both are matrices or vectors.

    q @ keys            # q: f32[n, d], keys: f32[m, d]
    ^^^^^^^^ d is not m

Transpose: q @ keys.T. For more dimensions: einsum("nsd,ntd->nst", q, k).`,
  },
  NDA0403: {
    title: "a dimension that is not there",
    page: `\`over=\` names dimensions of the argument, \`axis=\` counts them from 0. A reduced dimension is gone.

    let v = mean(x, over=[n, h, w])        # f32[c]
    mean(v, over=h)
                 ^ f32[c] has no dimension \`h\``,
  },
  NDA0404: {
    title: "a dimension that fits twice",
    page: `A name that occurs more than once in a shape does not say which occurrence is meant.

    sum(a, over=n)                         # a: f32[n, n]
                ^

Count instead: sum(a, axis=1); or place a vector with expand(s, axis=1).`,
  },
  NDA0405: {
    title: "a reshape that changes the number of elements",
    page: `reshape gives the same elements another shape, so the products of the sizes are equal.

    z |> linear(16 * width) |> reshape([n, width, 4, 8])
                               ^^^^^^^^^^^^^^^^^^^^^^^^^ 16*n*width elements are not 32*n*width`,
  },
  NDA0406: {
    title: "an axis out of range",
    page: `Axes count from 0, or from the end with negative numbers: a tensor of 3 dimensions has axes 0, 1, 2, or -3, -2, -1.

    max(x, axis=3)                         # x: f32[n, s, d]
                ^`,
  },
  NDA0407: {
    title: "a size that is not the one expected",
    page: `A name in a signature stands for one size wherever it occurs: two arguments that share it must agree, a result must have the sizes it
declares, and a written number must be met.

    f |> global_sum |> linear(2) |> squeeze
                                    ^^^^^^^ \`x\` of \`squeeze\` is f32[n, 2], and f32[n, 1] is expected

The message shows where the size was made. \`x: f32[n, c, h, w]\` takes any sizes; \`Image[n, 3, 32, 32]\` takes one.`,
  },
  NDA0408: {
    title: "the wrong number of dimensions",
    page: `A type lists every dimension. \`..s\` in a signature stands for any number of them.

    cross_entropy(maps, y)
                  ^^^^ f32[n, c, h, w], and f32[n, k] is expected

Reduce (mean(x, over=[h, w])), flatten, or reshape.`,
  },
  NDA0409: {
    title: "a condition after `where` that does not hold",
    page: `\`where\` states what a function needs of its configuration and sizes; each use is checked as soon as the numbers are known.

    x |> jigsaw(5)                         # where h % k == 0
         ^^^^^^^^^ here k = 5, h = 32

Choose a configuration that fits, or crop or pad first.`,
  },
  NDA0410: {
    title: "tensors that cannot be joined",
    page: `concat joins along one axis and stack along a new one; all other dimensions must agree.

    concat([f32[n, 64], f32[n, 64, 64]], axis=1)`,
  },
  NDA0411: {
    title: "an einsum pattern that does not fit",
    page: `A pattern has one letter for each dimension of each operand, a comma between operands, and \`->\` before the letters of the result.
Letters that the result does not have are summed over.

    einsum("nd,ntd->nt", q, k)             # q: f32[n, s, d]
            ^^ has 2 letters for f32[n, s, d]`,
  },
  NDA0412: {
    title: "a size below 1",
    page: `Every size is at least 1. A kernel larger than its padded picture, an empty slice or a crop of nothing would leave no elements.

    x |> conv(16, k=41, pad=0)             # x: 32 x 32
         ^^^^^^^^^^^^^^^^^^^^^ this size would be -8`,
  },
  NDA0413: {
    title: "a size that no tensor can have",
    page: `Coordinates are 32-bit integers, so a size is at most 2,147,483,647; what fits a device is less.

    const side = 1_000_000
    zeros([side * side])
           ^^^^^^^^^^^ this size is 1000000000000

Look for a product where a sum was meant.`,
  },
  NDA0414: {
    title: "an index that does not fit",
    page: `An index is an integer within the dimension, a slice \`a:b\` lies within it, and there are at most as many as dimensions. Indices that are
computed are not errors: outside they give the nearest element.

    boxes[i, j, 4]                         # boxes: f32[n, m, 4]
                ^ index 4 is outside 0 to 3`,
  },
  NDA0415: {
    title: "a size that nothing determines",
    page: `A name of a size is bound where it stands alone as a dimension of a parameter; everything else only uses it.

    fn attend(q: f32[n, s, d], v: f32[n, t, d]) -> f32[n, s, e]
                                                             ^ nothing here says what \`e\` is

Correct the name, or make it a parameter: (e: Int).`,
  },
  NDA0416: {
    title: "branches that cannot be selected element by element",
    page: `An \`if\` on a tensor takes each element from one of the two branches, so both are tensors, numbers, pictures, or tuples of them alike.
An \`if\` on a compile-time condition may have branches of any type: only the chosen one counts.

    if z > 0 { (a, b) } else { a }
             ^ a tuple and a tensor`,
  },
  NDA0417: {
    title: "a value of another kind",
    page: `Integers and literals become f32 where f32 is wanted, and i32 and bool do in arithmetic with f32; nothing else is converted by itself.

    if y % 2 { a } else { b }
       ^^^^^ a condition is i32, and bool is expected

Compare (y % 2 == 1), or convert: f32(x), i32(x), bool(x).`,
  },
  NDA0419: {
    title: "a loop that changes its type an unknown number of times",
    page: `A loop over a list or a range of known length is unrolled, and the carried value may change its shape from turn to turn. Where the length
is a parameter the value must keep its type, since the result's shape could not be told.

    loop f = x for i in 0..times { f |> avg_pool(2) }

Give the range a number, or keep the shape.`,
  },
  NDA0420: {
    title: "a size that is too large an expression",
    page: `Sizes are polynomials in the names of dimensions, kept in normal form: at most 64 terms of degree 12, and numbers below 2**53.

    let far = k ** 40
              ^^^^^^^

Give parts of it names of their own (\`let\` of an integer parameter), or make them numbers.`,
  },
  NDA0421: {
    title: "an `if` without `else`",
    page: `An \`if\` is an expression: it has a value on both sides.

    let m = if training { now }
            ^^^^^^^^^^^^^^^^^^^ this \`if\` needs an \`else\``,
  },
  NDA0422: {
    title: "a size divided by zero",
    page: `\`//\` and \`%\` on sizes need a divisor other than 0.

    patches(x, 4 // 0)
               ^^^^^^`,
  },
}
