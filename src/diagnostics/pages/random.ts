/** Family 08: randomness. */
import type { Family } from "../page.ts"

export const random: Family = {
  NDA0801: {
    title: "a draw in a pure function",
    page: `A \`fn\` and a \`loss\` give the same for the same arguments. Draws belong in augments, blocks and the bodies of entries.

    fn noisy(x: f32[n]) -> f32[n] {
      let e: f32[n] ~ normal()
      ^^^^^^^^^^^^^^^^^^^^^^^^

Make it a block, or take the draw as a parameter.`,
  },
  NDA0802: {
    title: "a draw from something that is no distribution",
    page: `After \`~\` stands a distribution: uniform normal randint bernoulli beta categorical permutation derangement partner.

    let neg ~ real |> jigsaw(2)

For a plain value write \`=\`; an augment makes its own draws.`,
  },
  NDA0803: {
    title: "a draw without a shape",
    page: `In an augment a draw is one per sample. Elsewhere its annotation says how much is drawn.

    let z ~ normal()
    write let z: f32[64, 128] ~ normal()`,
  },
  NDA0804: {
    title: "a distribution that is not drawn from",
    page: `\`=\` names a value, \`~\` draws one.

    let flip = bernoulli(0.5)
               ^^^^^^^^^^^^^^ write \`~\``,
  },
  NDA0805: {
    title: "a parameter out of its range",
    page: `Probabilities lie between 0 and 1, ranges hold at least one value, a derangement needs two places.

    x |> hflip(p=50.0)
                 ^^^^ between 0 and 1`,
  },
  NDA0806: {
    title: "a draw inside `at`",
    page: `Draws are made before any pixel, once per sample; the body of \`at\` is a function of the coordinates.

    at (y, x) => { let e ~ normal() … }

Draw a picture of noise before, with a shape: let e: f32[c, h, w] ~ normal(), and read e[0, y, x].`,
  },
  NDA0807: {
    title: "a partner of something that is no picture",
    page: `\`let mate ~ partner(img)\` is the same pipeline on another sample of the batch; it stands in an augment and takes the augment's picture.`,
  },
  NDA0808: {
    title: "a draw of another element type",
    page: `The annotation of a draw gives its shape; the element type is the distribution's: bernoulli bool, randint, categorical and permutations i32,
the others f32.

    let flip: f32[8] ~ bernoulli(0.5)
              ^^^^^^ \`bernoulli\` draws bool`,
  },
}
