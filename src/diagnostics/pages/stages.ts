/** Family 05: calls, stages and arguments. */
import type { Family } from "../page.ts"

export const stages: Family = {
  NDA0501: {
    title: "something that is not a stage",
    page: `\`x |> s\` is \`s(x)\`: after \`|>\` stands a function, a block, an augment, a model, or one of these with its configuration.

    f |> global_sum |> 3
                       ^`,
  },
  NDA0502: {
    title: "a parameter that does not exist",
    page: `The message lists the parameters there are.

    conv(64, kernel=1)
             ^^^^^^ its parameters are co, k, stride, pad, dilation, groups, bias, wrap, init`,
  },
  NDA0503: {
    title: "inputs where the configuration belongs",
    page: `A block with two groups of parameters is configured first and applied second.

    conv(x, 64)
    ^^^^^^^^^^^ \`conv\` takes its configuration first

Write conv(64)(x), or x |> conv(64).`,
  },
  NDA0504: {
    title: "an argument that is missing",
    page: `A parameter without a default must be given.

    x |> random_crop(32)
         ^^^^^^^^^^^^^^^ \`random_crop\` needs \`wo\``,
  },
  NDA0505: {
    title: "a stage that cannot take what is piped into it",
    page: `The stage wants another number of dimensions than the value has.

    x |> conv(16) |> linear(10)
                     ^^^^^^^^^^ linear wants f32[n, din], the pipe carries f32[n, 16, h, w]

Insert flatten, global_mean or a reshape.`,
  },
  NDA0506: {
    title: "too many arguments",
    page: `The message says how many there are at most. Values that belong together may be one list: concat([a, b]).

    hinge_g(D(a), D(b))
                  ^^^^ \`hinge_g\` takes one argument`,
  },
  NDA0507: {
    title: "an argument that is given twice",
    page: `Arguments without names fill the parameters in order; a parameter that one of them fills cannot be named again.

    mirror(1.0, p=1.0)
                ^`,
  },
  NDA0508: {
    title: "an argument of another kind",
    page: `A parameter takes what its type says: \`Int\` a compile-time integer, \`Stage\` a function, a tensor type a tensor.

    h |> up(0.5)
            ^^^ \`co\` of \`up\` is a compile-time integer`,
  },
  NDA0509: {
    title: "a word that is not one of the choices",
    page: `A parameter that chooses by a word lists its choices after \`where\`.

    resnet18(stem="cifer")
             the choices are "cifar", "small", "imagenet"`,
  },
  NDA0510: {
    title: "something that cannot be called",
    page: `Functions, blocks, augments, losses, models, pictures (img(y, x)) and data sets can be called; numbers, tensors, records and tuples cannot.

    let half = 0.5
    half(x)
    ^^^^ write half * x`,
  },
  NDA0511: {
    title: "the wrong number of coordinates",
    page: `A picture of Field[c; h, w] is read at two coordinates, img(y, x); one of Field[c; t, h, w] at three, vid(f, y, x). The colour is what is
read: its components are img(y, x)[0], and so on.

    img(0, y, x)`,
  },
  NDA0512: {
    title: "a stage that would leave boxes behind",
    page: `An augment applied to a record moves its pictures. Boxes and masks of the same record would no longer fit them.

    let pair = b |> hflip                  # b has image and boxes
                    ^^^^^

Draw what the stage draws yourself and apply it to both: image |> hflip_if(flip), and a function of the boxes; then b with { image: … }.`,
  },
  NDA0513: {
    title: "something that must be known at compile time",
    page: `Sizes, axes, ranges, ends of slices and the options of data sets are fixed when the program is compiled; tensors and draws are not known then.

    zeros([order[0]])
           ^^^^^^^^ a size of a shape must be known

Use an integer parameter (k: Int), a constant, or a dimension's name.`,
  },
  NDA0514: {
    title: "coordinates without extents",
    page: `Inside an augment \`at (y, x) => …\` ranges over the picture. Elsewhere each coordinate says how far it goes.

    at (i, j) => x[i, j]
    write at (i: n, j: 4) => x[i, j]`,
  },
  NDA0515: {
    title: "an augment of something that is no picture",
    page: `An augment takes a batch of pictures (Image[n, c, h, w]), of clips (Clip[n, c, t, h, w]), a picture in another augment, or a record with
such fields.

    b.label |> hflip
               ^^^^^ this is Label[n]`,
  },
  NDA0516: {
    title: "a pattern that does not fit",
    page: `A pattern takes a tuple or a list apart into as many names as it has values.

    let (m, v) = mean(x, over=[n, h, w])
        ^^^^^^ this pattern takes 2 values, and the value is f32[c]`,
  },
  NDA0517: {
    title: "an operator or function of something else",
    page: `Arithmetic and elementwise functions take numbers, tensors, pictures and trees of parameters; \`not\` takes booleans.

    -{ loss: mean(x) }`,
  },
  NDA0518: {
    title: "batches that do not run together",
    page: `\`together(D)(a, b)\` joins batches along their first dimension, runs D once and takes the result apart again. All but the number
of samples must agree, and D must give one result for each sample. Several values of one batch stand in a tuple.

    together(D)((real, y), fake)
                           ^^^^ this batch has 1 value and the first 2

Write together(D)((real, y), (fake, z)).`,
  },
}
