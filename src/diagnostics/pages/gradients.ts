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
    title: "a gradient that does not reach a model",
    page: `\`minimize L over M\` needs a path from L to the parameters of M. Followers and frozen models carry no gradient.

    minimize hinge_g(D(G_avg(z))) over G by adam(lr=2e-4)
                                       ^ \`G_avg\` carries no gradient to it

Use the model itself in the loss, or take it out of \`over\`.`,
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
}
