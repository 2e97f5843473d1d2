/** Family 06: parameters, state, models, and where statements may stand. */
import type { Family } from "../page.ts"

export const state: Family = {
  NDA0601: {
    title: "a state that is proposed twice",
    page: `All reads of a state in a step see its value from before the step, and there is one \`next\`. Only where several applications of a block
propose values are these averaged, and only float values can be.

    next seen = seen + 1
    next seen = seen + 2
    ^^^^^^^^^^^^^^^^^^^^

Write one equation.`,
  },
  NDA0602: {
    title: "`next` without a state",
    page: `\`next s = …\` gives the value after the step of a \`state s\` of the same block or train.

    next sen = seen + 1
         ^^^ did you mean \`seen\`?`,
  },
  NDA0603: {
    title: "a statement that cannot stand here",
    page: `param and state belong in blocks; next in a block or a step; term in a loss; minimize in a step; report in a step or an every; save in an
every. A \`graph\` and an \`eval\` learn nothing, a \`fn\` remembers nothing.`,
  },
  NDA0604: {
    title: "a model that is minimised twice in a step",
    page: `One step proposes one new value for each parameter.

    minimize a over G by adam(lr=1e-4)
    minimize b over G by adam(lr=2e-4)
                    ^

Minimise the sum, or make two steps.`,
  },
  NDA0605: {
    title: "something that is not a model",
    page: `\`over\`, \`save\`, \`frozen\`, \`follow\` and \`params\` take models: a block that was given its parameters by \`model name = block(…)\`.

    minimize loss over discriminator by adam(lr=2e-4)
                       ^^^^^^^^^^^^^ it is the block \`discriminator\`

Declare model D = discriminator(), and use D.`,
  },
  NDA0606: {
    title: "a model of something that is no block",
    page: `Only blocks own parameters.

    model net = relu
                ^^^^ this is the fn \`relu\``,
  },
  NDA0607: {
    title: "a fn that trains a model",
    page: `A \`fn\` is pure. Inside a step a model may advance its state (the running means of batch norm), so a fn may apply it only as frozen.

    fn score(x: Image[n, 3, 32, 32]) -> f32[n] = -D(x)
                                                  ^^^^ use frozen(D), or make \`score\` a block`,
  },
  NDA0608: {
    title: "two steps of one name",
    page: `The name of a step is part of the names of its metrics and draws.

    step critic { … }
    step critic { … }
         ^^^^^^`,
  },
  NDA0609: {
    title: "a train without a step",
    page: `A \`train\` runs its steps in order, again and again; without one there is nothing to run.`,
  },
  NDA0610: {
    title: "a report without names",
    page: `The fields of the reported record name the metrics and pictures.

    report accuracy(z, y)
    write report { accuracy: accuracy(z, y) }`,
  },
  NDA0611: {
    title: "a best that is no number",
    page: `\`save M best=e\` keeps, beside the newest file of the model, the one where the number e was highest: M.best.safetensors.

    every 1000 {
      let q = quality()
      save G best=-q.fid      (less is better: the negative is highest)
      save D best=q.auroc
    }`,
  },
  NDA0612: {
    title: "a train takes a single batch's value from an eval",
    page: `An eval's metrics gather their states over all batches, and its result is computed from these once. A field that needs a batch
itself is the last batch's. The eval by itself may give such a field; a train that calls it may not.

    eval quality(b in cifar10.test(batch=100)) {
      { right: mean(f32(guess(b.image) == b.label)) }       the last batch's
      { right: mean_of(f32(guess(b.image) == b.label)) }    that of all samples
    }`,
  },
  NDA0613: {
    title: "a computation of the host where no host is",
    page: `The matrix root of FID is taken on the host, in f64, once after the last batch of an eval. In a graph, a step or a batch there is no
such moment.

    eval quality(b in cifar10.test(batch=100)) { … { fid: fid(features)(G(z), b.image) } }
    train … { every 1000 { let q = quality()  report { fid: q.fid } } }`,
  },
  NDA0614: {
    title: "a state of an eval that has the size of a batch",
    page: `The samples that fill no whole batch make a smaller last one, for which the eval is made a second time. Its states are the same, so
their sizes cannot follow the batch's.

    state seen: f32[n] = zeros()     where n is the batch
    state seen: f32[64] = zeros()`,
  },
}
