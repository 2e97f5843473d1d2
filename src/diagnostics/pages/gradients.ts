/** Family 07: losses and gradients. */
import type { Family } from "../page.ts"

export const gradients: Family = {
  NDA0701: {
    title: "a loss that is not one number",
    page: `What is minimised, and each \`term\`, is a scalar: one number for the batch.

    minimize D(G(z)) over G by adam(lr=2e-4)
             ^^^^^^^ Logit[64@fake]

Take the mean.`,
  },
  NDA0702: {
    title: "a gradient that does not reach what it is taken over",
    page: `\`minimize L over M\` needs a path from L to the parameters of M, and \`grad(L, over=x)\` one from L to x. Followers, frozen
models and what \`stop\` was applied to carry no gradient; argmax, comparisons, integers and rounding have none.

    minimize hinge_g(D(G_avg(z))) over G by adam(lr=2e-4)
                                       ^ \`G_avg\` carries no gradient to it

    let slope = grad(sum(f32(argmax(x, axis=1))), over=x)
                                                       ^ argmax gives a position

A path that ends is silent where another one goes through. Use the model itself in the loss, or take it out of \`over\`;
put something differentiable in the place of what decides.`,
  },
  NDA0703: {
    title: "a gradient over nothing",
    page: `grad(loss, over=x) takes a tensor, and gives one of its shape, or a model, and gives a tree of its parameters.

    grad(mean(scores), over=3)
                            ^`,
  },
  NDA0704: {
    title: "a gradient over a follower",
    page: `A follower's parameters trail another model's; they are not learnt.

    model G_avg = follow(G, decay=0.999)
    minimize loss over G_avg by adam(lr=2e-4)
                       ^^^^^ minimise over the model it follows`,
  },
  NDA0705: {
    title: "a gradient of or over integers",
    page: `A gradient says how a real number changes with real numbers. Labels, places and truth values have none.

    grad(mean(scores), over=y)
                            ^ i32[n]

Take it over a tensor of f32: what an integer was rounded from, or the table that it picks a row of.`,
  },
}
