/** Family 03: populations. */
import type { Family } from "../page.ts"

export const populations: Family = {
  NDA0301: {
    title: "samples of the wrong population",
    page: `A dimension knows which distribution its samples were drawn from: \`n@real\` (data, and data moved by a positive augmentation), \`n@fake\`
(a generator's), \`n@neg\` (real data pushed off the distribution by a negative augment). A parameter that states one takes no other, so
a batch of negatives cannot stand where real pictures belong.

    minimize nda_hinge(D(real), D(neg), D(G(z))) over D by adam(lr=2e-4)
                                ^^^^^^ Logit[64@neg], but \`fake\` wants Logit[m@fake]

The message shows where the samples became what they are. Swap the arguments, or augment the right batch. \`assume(real)(x)\` states a
population that the compiler cannot know.`,
  },
  NDA0302: {
    title: "samples of two populations along one dimension",
    page: `Values that line up are one batch: real and negative samples cannot be added, compared or joined element by element.

    let gap = D(real) - D(neg)
              ^^^^^^^^^^^^^^^^ real and negative samples meet along one dimension

Take means first, run a model on both with together(D)(a, b), or drop a tag on purpose with plain(x).`,
  },
  NDA0303: {
    title: "a plain augment that makes negatives",
    page: `An \`augment\` keeps the population it is given. One whose result is negative must say so, since its callers read only its first line.

    augment strong(img: Field[c; h, w]) -> Field[c; h, w] = img |> hflip |> jigsaw(2)
            ^^^^^^ declare it as \`negative augment strong\``,
  },
  NDA0304: {
    title: "a result that invents a population",
    page: `A block's result may introduce \`@fake\` only: what a network makes is generated. \`@real\` comes from data and \`@neg\` from a negative
augment; a result may declare them where its value has them already.

    block generator(z: f32[n, 64]) -> Image[n@real, 3, 32, 32]
                                              ^^^^

Where you know better than the compiler, write assume(real)(x): it can be searched for.`,
  },
  NDA0305: {
    title: "a batch that is negative only sometimes",
    page: `A batch has one population. A choice per sample between a negative and a positive stage would give a batch of both.

    real |> maybe(0.5, jigsaw(2))
                       ^^^^^^^^^ negative with probability 0.5

Make two batches, or choose among stages of one population: one_of([jigsaw(2), cutmix]).`,
  },
  NDA0306: {
    title: "a population for something without samples",
    page: `A population belongs to the first dimension of a tensor, to a picture in an augment, or to the fields of a record. A scalar has none.

    plain(mean(scores))
    ^^^^^ \`plain\` takes a batch of samples

Apply it before the reduction.`,
  },
}
