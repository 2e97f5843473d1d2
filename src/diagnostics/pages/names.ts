/** Family 02: names and modules. */
import type { Family } from "../page.ts"

export const names: Family = {
  NDA0201: {
    title: "a name that is not defined here",
    page: `Every name is declared in the file, imported, or part of the language. The message proposes the nearest name in sight, or says which
module of the standard library has it. A name that is missing is reported once in a file, at its first use.

    let skip = x |> conv(co, k=1, wrap=spectrl)
                                       ^^^^^^^ did you mean \`spectral\`?

Correct the spelling, or import the name: from nda.nn import spectral.`,
  },
  NDA0202: {
    title: "a name that is defined twice",
    page: `One scope defines a name once: nothing is ever overwritten, so that a name means the same wherever it is read.

    let x = b.image |> hflip
    let x = x |> jigsaw(2)
        ^ \`x\` is defined twice

Give the second value a name of its own, or write one pipe: b.image |> hflip |> jigsaw(2).`,
  },
  NDA0203: {
    title: "a module that does not exist",
    page: `\`from nda.… import\` names a module of the standard library; \`from "./file.nda" import\` names a file, relative to the file that imports it.

    from nda.negatives import jigsaw
         ^^^^^^^^^^^^^ there is no module \`nda.negatives\`

The message lists the modules there are. \`nda.image\` holds positives, \`nda.negative\` negatives, \`nda.nn\` layers, \`nda.gan\` adversarial losses.`,
  },
  NDA0204: {
    title: "a module that does not have this name",
    page: `The module exists and declares no such name. The message proposes the nearest name of that module, or the module that has it.

    from nda.image import greyscale
                          ^^^^^^^^^ did you mean \`grayscale\`?`,
  },
  NDA0205: {
    title: "modules that import each other",
    page: `Imports form a tree: a file cannot import one that, directly or through others, imports it.

    # a.nda                              # b.nda
    from "./b.nda" import critic         from "./a.nda" import loss

Move what both need into a third file that both import.`,
  },
  NDA0206: {
    title: "a name that is not a type",
    page: `A type is an element type (f32 i32 u32 bool), a tensor of one (f32[n, d]), an alias (Image[n, c, h, w], Logit[n], or your own
\`type Name[dims] = …\`), a record, a tuple, a function T -> U, or one of Int, Stage, Schedule, Field[c; h, w].

    block critic(x: Image[n, 3, h, w]) -> Logits[n]
                                          ^^^^^^ did you mean \`Logit\`?`,
  },
  NDA0207: {
    title: "a value with the name of a dimension",
    page: `The names of a signature's dimensions are integers in its body: \`h // 2\` is half the height. A value of the same name would make
\`f32[n, c, h, w]\` mean something else one line later.

    fn standardize(x: f32[n, c, h, w]) -> f32[n, c, h, w] {
      let c = mean(x, over=[n, h, w])
          ^ \`c\` is a dimension here

Call the value something else.`,
  },
  NDA0208: {
    title: "a definition that needs itself",
    page: `nda has no recursion: every program ends, and its size is known when it is compiled. Constants and models may not refer to themselves either.

    block up(co: Int)(x: f32[n, ci, h, w]) -> f32[n, co, 2*h, 2*w] { x |> up(co) }
                                                                          ^^^^^^ \`up\` calls itself

Repeat with a loop over a static range: loop h = x for i in 0..3 { h |> up(co) }.`,
  },
  NDA0209: {
    title: "a field or member that is not there",
    page: `After the point stands a field of a record, a name of an imported module, a split of a data set (train, test, all), or \`T\` of a tensor.

    b.labels
      ^^^^^^ the fields are image, label`,
  },
  NDA0210: {
    title: "an alias with the wrong number of dimensions",
    page: `An alias takes as many dimensions as it was declared with: Image[n, c, h, w], Clip[n, c, t, h, w], Feature[n, d], Logit[n], Label[n].

    block critic(x: Image[3, h, w])
                    ^^^^^^^^^^^^^^ \`Image\` has 4 dimensions

The first dimension is the batch; it is written out.`,
  },
  NDA0211: {
    title: "a field that is given twice",
    page: `A record gives each of its fields once.

    { tiles: x |> tiles(2), tiles: x |> tiles(4) }
                            ^^^^^

Rename one of the two.`,
  },
  NDA0212: {
    title: "beyond a limit of the compiler",
    page: `Loops are unrolled and functions inlined when a program is compiled. So that this always ends soon, ranges have at most 100,000 steps, calls
nest at most 200 deep, definitions refer through at most 500 others and aliases through 16, a value has at most 200,000 parts, and loops and
calls together are limited.

    loop h = x for i in 0..1_000_000 { step(h) }
                        ^^^^^^^^^^^^ this range has 1000000 steps

Write the repetition as a dimension of a tensor, where it costs nothing.`,
  },
}
