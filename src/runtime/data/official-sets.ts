/** The data sets that have a loader and an official address: what is fetched, how long it is, and its checksum. */
export interface RemoteFile {
  readonly name: string
  /** Tried in order. */
  readonly addresses: readonly string[]
  readonly bytes: number
  readonly md5: string
  /** For an archive: the folder it unpacks to, kept instead of the archive. */
  readonly unpacksTo?: string
  /** For an archive: a bound on what comes out. */
  readonly unpackedBytes?: number
}

export interface OfficialSet {
  readonly name: string
  /** The folder under `--data-dir`. */
  readonly folder: string
  readonly about: string
  readonly licence: string
  readonly files: readonly RemoteFile[]
}

const toronto = "https://www.cs.toronto.edu/~kriz/"
const mnistHosts = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"]
const fashionHosts = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"]

const idxFiles = (hosts: readonly string[], rows: readonly (readonly [string, number, string])[]): readonly RemoteFile[] =>
  rows.map(([name, bytes, md5]) => ({ name, bytes, md5, addresses: hosts.map((host) => host + name) }))

export const officialSets: readonly OfficialSet[] = [
  {
    name: "cifar10", folder: "cifar10", about: "60,000 colour pictures of 32 x 32 in 10 classes", licence: "none stated: research use",
    files: [{
      name: "cifar-10-binary.tar.gz", addresses: [`${toronto}cifar-10-binary.tar.gz`], bytes: 170_052_171, md5: "c32a1d4ab5d03f1284b67883e8d87530",
      unpacksTo: "cifar-10-batches-bin", unpackedBytes: 200_000_000,
    }],
  },
  {
    name: "cifar100", folder: "cifar100", about: "60,000 colour pictures of 32 x 32 in 100 classes and 20 superclasses", licence: "none stated: research use",
    files: [{
      name: "cifar-100-binary.tar.gz", addresses: [`${toronto}cifar-100-binary.tar.gz`], bytes: 168_513_733, md5: "03b5dce01913d631647c71ecec9e9cb8",
      unpacksTo: "cifar-100-binary", unpackedBytes: 200_000_000,
    }],
  },
  {
    name: "mnist", folder: "mnist", about: "70,000 handwritten digits of 28 x 28 in grey", licence: "CC BY-SA 3.0",
    files: idxFiles(mnistHosts, [
      ["train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"], ["train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"],
      ["t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"], ["t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"],
    ]),
  },
  {
    name: "fashion", folder: "fashion", about: "70,000 pictures of clothes of 28 x 28 in grey, 10 classes", licence: "MIT",
    files: idxFiles(fashionHosts, [
      ["train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"], ["train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"],
      ["t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"], ["t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"],
    ]),
  },
]
