/** Every flag of `nda`, once: the parser, the usage lines and the help are made from this table. */
export interface Flag {
  readonly name: string
  readonly short?: string
  /** The name of its value in the help; a flag without one is on or off. */
  readonly value?: string
  readonly repeat?: boolean
  readonly about: string
}

const flags = [
  { name: "help", short: "h", about: "show this" },
  { name: "quiet", about: "say only what is wrong" },
  { name: "no-color", about: "no colour, even on a terminal (NO_COLOR is honoured too)" },
  { name: "errors", value: "short|full", about: "how diagnostics are shown; full is the default" },
  { name: "json", about: "results as JSON on stdout, progress as JSON lines on stderr" },
  { name: "set", value: "NAME=VALUE", repeat: true, about: "give an entry's parameter, a const of the file or an open size another value" },
  { name: "seed", value: "N", about: "the seed of all draws (0 to 4294967295)" },
  { name: "input", value: "NAME=FILE", repeat: true, about: "an input of the graph from .npy, .npz, .png or .jpg; its shape fixes open sizes" },
  { name: "out", value: "DIR", about: "where results go; runs/<file>-<entry>/ by default" },
  { name: "force", about: "write over results that are there; measure again what was measured (tune)" },
  { name: "data-dir", value: "DIR", about: "where data sets lie; $NDA_DATA, else ./data by default" },
  { name: "device", value: "auto|cpu|NAME|reference", about: "auto: a GPU if there is one; cpu: a software driver; NAME: part of an adapter's name; reference: f64 without a driver" },
  { name: "steps", value: "N", about: "how many steps a train runs; short for --set steps=N" },
  { name: "resume", about: "go on with the run in --out from its newest whole checkpoint" },
  { name: "weights", value: "[MODEL=]PATH[#subtree]", repeat: true, about: "weights to begin with: the folder of a run, or a .safetensors file" },
  { name: "names", value: "torchvision|nda", about: "whose names the tensors get" },
  { name: "like", value: "FILE", about: "a .safetensors file whose order is kept, and what it holds beyond the weights" },
  { name: "log-every", value: "N", about: "steps between reports; about once a second by default" },
  { name: "keep", value: "N", about: "checkpoints that are kept; 3 by default" },
  { name: "precision", value: "f32|f16", about: "how values between kernels are stored; f16 where the adapter has it, with losses scaled" },
  { name: "skip-bad", about: "go on past data files that cannot be read, and count them" },
  { name: "verify", about: "verify the program after every pass of the compiler" },
  { name: "check-finite", about: "fail at the first value that is infinite or not a number, and name its line" },
  { name: "emit", value: "STAGE", about: "print the program after a stage; all: each to its own file of the folder -o" },
  { name: "output", short: "o", value: "OUT", about: "the file (with --emit all: the folder) to write" },
  { name: "check", about: "change nothing; exit with 1 when a file is not formatted" },
  { name: "dir", value: "DIR", about: "where data sets lie (the same as --data-dir)" },
] as const satisfies readonly Flag[]

export type FlagName = (typeof flags)[number]["name"]

const byName: ReadonlyMap<string, Flag> = new Map(flags.map((flag) => [flag.name, flag]))

export const flagNamed = (name: FlagName): Flag => byName.get(name)!
