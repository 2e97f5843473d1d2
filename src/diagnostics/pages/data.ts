/** Family 09: data, entries and settings. */
import type { Family } from "../page.ts"

export const data: Family = {
  NDA0901: {
    title: "a size that is still open",
    page: `A graph may leave sizes open: \`graph g(z: f32[n, 64])\`. To run it, each needs a number.

    nda run g.nda --set n=16

The shape of an input fixes it too: --input z=noise.npy.`,
  },
  NDA0902: {
    title: "a setting that does not exist",
    page: `--set gives a value to a \`const\` of the file, to a parameter of an entry that has a default, or to an open size of a graph.

    nda check gan.nda --set zdims=32
                            ^^^^^ did you mean --set zdim=…?`,
  },
  NDA0903: {
    title: "a declared record that the loader does not deliver",
    page: `\`data name: {…} = loader(…)\` states what the program relies on: fields the loader has, with sizes it delivers.

    data fog: { image: Image[n, 3, 64, 64] } = folder("fog", size=32)
                ^^^^^ folder delivers Image[n, 3, 32, 32]`,
  },
  NDA0904: {
    title: "an entry that does not read a batch",
    page: `After \`in\` stands a data set with the size of its batches.

    eval quality(b in cifar10.test)
                      ^^^^^^^^^^^^ write cifar10.test(batch=100)`,
  },
  NDA0905: {
    title: "a program that does not fit the device",
    page: `A device has limits: how large one buffer may be, how many buffers a kernel may use. \`nda devices\` prints them.

    nda run tokens.nda --set n=1000000

Make the batch or the pictures smaller, or run on a device with larger limits.`,
  },
  NDA0906: {
    title: "an entry that is not there",
    page: `\`nda run FILE ENTRY\` runs one graph, eval or train of the file. ENTRY may be left out where the file has one.`,
  },
  NDA0907: {
    title: "an option of a data set out of its range",
    page: `Sizes, batches and counts are positive numbers; a batched data set takes \`batch=\` only.

    cifar10.train(batch=0)
                        ^`,
  },
  NDA0908: {
    title: "a value of --set that does not fit",
    page: `A setting is of the kind of what it replaces: a whole number for \`const zdim = 64\`, a number for a float, a word for a string.

    nda check gan.nda --set zdim=big`,
  },
  NDA0909: {
    title: "an entry that one plan cannot hold",
    page: `A train, an eval, and a graph that applies models have parameters or state that live between their steps. \`nda run\` and \`nda compile\` take them as they
are; in the library they are compiled with \`compileProgram\`, which gives a plan for each step over shared slots, and not with \`compile\`.`,
  },
  NDA0910: {
    title: "an entry that gives something else than tensors",
    page: `What an entry gives is written to files: a tensor, or a record or tuple of tensors.

    { picture: x, recipe: hflip }
    apply it: { picture: x |> hflip }`,
  },
  NDA0911: {
    title: "a data declaration without a data set",
    page: `After \`=\` stands a loader: cifar10, folder("photos", size=64), voc("voc07", size=256), clips("ucf101", frames=16, size=64), array("x.npz") …

    data pictures: { image: Image[n, 3, 64, 64] } = hflip`,
  },
}
