import { createHash } from "node:crypto"
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { describe, expect, onTestFinished, test } from "vitest"
import { getDataSet, listDataSets } from "../../src/runtime/data/download.ts"
import type { FetchOptions } from "../../src/runtime/data/fetch-file.ts"
import { officialSets } from "../../src/runtime/data/official-sets.ts"
import type { OfficialSet, RemoteFile } from "../../src/runtime/data/official-sets.ts"
import { progressLine } from "../../src/runtime/data/progress-line.ts"
import { ask, failure } from "./asking.ts"
import { dataDir, haveData } from "./places.ts"
import { temporaryFolder } from "./temporary.ts"

/** A server of the test's own; gives its address and the ranges that were asked for. */
const serve = async (answer: (request: IncomingMessage, response: ServerResponse, number: number) => void): Promise<{ address: string; ranges: (string | undefined)[] }> => {
  const ranges: (string | undefined)[] = []
  const server = createServer((request, response) => {
    ranges.push(request.headers.range)
    answer(request, response, ranges.length)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`, ranges }
}

const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex")
const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) >>> 3))
const quick: FetchOptions = { pauseMilliseconds: 1, attempts: 3 }

const setOf = (address: string, change: Partial<RemoteFile> = {}): readonly OfficialSet[] => [
  { name: "toy", folder: "toy", about: "a toy", licence: "none", files: [{ name: "toy.bin", addresses: [address], bytes: bytes.length, md5: md5(bytes), ...change }] },
]

const sendFrom = (request: IncomingMessage, response: ServerResponse, whole: Uint8Array): void => {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
  if (start > 0) response.writeHead(206, { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` })
  response.end(whole.subarray(start))
}

interface Member { readonly name: string; readonly type?: string; readonly content?: Uint8Array; readonly link?: string }

const tar = (members: readonly Member[]): Buffer => Buffer.concat([
  ...members.flatMap(({ name, type = "0", content = new Uint8Array(0), link = "" }) => {
    const header = Buffer.alloc(512)
    header.write(name, 0)
    header.write("0000644\0", 100)
    header.write(`${content.length.toString(8).padStart(11, "0")} `, 124)
    header.write("        ", 148)
    header.write(type, 156)
    header.write(link, 157)
    header.write("ustar\0", 257)
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148)
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
  }),
  Buffer.alloc(1024),
])

describe("nda data get", () => {
  test("a connection that breaks twice is taken up where it broke, and the whole is checked and kept", async () => {
    const dir = temporaryFolder()
    const { address, ranges } = await serve((request, response, number) => {
      if (number === 3) return sendFrom(request, response, bytes)
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
      response.writeHead(start > 0 ? 206 : 200, { "content-length": bytes.length - start, ...(start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}) })
      response.write(bytes.subarray(start, start + 60_000), () => setTimeout(() => response.destroy(), 30))
    })
    const steps: number[] = []
    const result = await getDataSet("toy", dir, { ...quick, onProgress: (done, total) => (expect(total).toBe(bytes.length), steps.push(done)) }, setOf(address))
    expect(result.fetched).toEqual(["toy.bin"])
    expect(ranges).toEqual([undefined, "bytes=60000-", "bytes=120000-"])
    expect(steps.at(-1)).toBe(bytes.length)
    expect(steps).toEqual([...steps].sort((a, b) => a - b))
    expect(readFileSync(join(dir, "toy/toy.bin")).equals(bytes)).toBe(true)
    expect(readdirSync(join(dir, "toy"))).toEqual(["toy.bin"])
    expect((await getDataSet("toy", dir, quick, setOf(address))).present).toEqual(["toy.bin"])
    expect(ranges.length).toBe(3)
  })

  test("what an earlier run left is used; a server without ranges, or another version of the file, starts it over", async () => {
    for (const [left, obeys] of [[bytes.subarray(0, 1000), true], [bytes.subarray(0, 1000), false], [Buffer.alloc(1000, 9), true], [Buffer.alloc(bytes.length + 5), true]] as const) {
      const dir = temporaryFolder()
      const { address } = await serve((request, response) => {
        if (obeys) sendFrom(request, response, bytes)
        else response.end(bytes)
      })
      const broken = await serve((_request, response) => void response.writeHead(404).end())
      await getDataSet("toy", dir, quick, setOf(broken.address)).catch(() => undefined)
      writeFileSync(join(dir, "toy/toy.bin.part"), left)
      await getDataSet("toy", dir, quick, setOf(address))
      expect(readFileSync(join(dir, "toy/toy.bin")).equals(bytes)).toBe(true)
    }
  })

  test("a wrong checksum keeps nothing and names both; too many bytes, a refusal and a dead server are named too; the next address is tried", async () => {
    const dir = temporaryFolder()
    const wrong = Buffer.from(bytes)
    wrong[77]! ^= 1
    const altered = await serve((_request, response) => void response.end(wrong))
    const long = await serve((_request, response) => void response.end(Buffer.concat([bytes, bytes])))
    const refusing = await serve((_request, response) => void response.writeHead(403).end("no"))
    const good = await serve((_request, response) => void response.end(bytes))
    const error = await failure(getDataSet("toy", dir, quick, setOf(altered.address)))
    expect([error.reason, error.file, error.expected, error.found, error.hint]).toEqual(["corrupt", altered.address, `md5 ${md5(bytes)}`, md5(wrong), "nothing was kept"])
    expect(readdirSync(join(dir, "toy"))).toEqual([])
    expect((await failure(getDataSet("toy", dir, quick, setOf(long.address)))).message).toContain("expected 200000 bytes, found more")
    expect((await failure(getDataSet("toy", temporaryFolder(), quick, setOf(refusing.address)))).message).toContain("found the answer 403")
    expect((await failure(getDataSet("toy", temporaryFolder(), quick, setOf("http://127.0.0.1:9/x")))).message).toMatch(/found 0: .*; check the network/)
    await getDataSet("toy", dir, quick, setOf("", { addresses: [refusing.address, altered.address, good.address] }))
    expect(readFileSync(join(dir, "toy/toy.bin")).equals(bytes)).toBe(true)
  })

  test("a server that falls silent is given up after the stall time, and an interruption ends it at once and keeps what came", async () => {
    const dir = temporaryFolder()
    const { address } = await serve((_request, response) => void response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 10)))
    const error = await failure(getDataSet("toy", dir, { ...quick, attempts: 1, stallMilliseconds: 100 }, setOf(address)))
    expect(error.message).toContain("found 10: nothing came for 0.1 s; what came is kept; the same command goes on from there")
    const controller = new AbortController()
    const running = getDataSet("toy", temporaryFolder(), { signal: controller.signal }, setOf(address))
    setTimeout(() => controller.abort(new Error("interrupted")), 50)
    await expect(running).rejects.toThrow("interrupted")
  })

  test("an archive is unpacked to what its loader reads, and removed", async () => {
    const record = Buffer.alloc(3073, 51)
    record[0] = 4
    const archive = gzipSync(tar([{ name: "cifar-10-batches-bin/", type: "5" }, { name: "cifar-10-batches-bin/data_batch_1.bin", content: Buffer.concat([record, record]) }, { name: "cifar-10-batches-bin/empty.txt" }]))
    const { address } = await serve((_request, response) => void response.end(archive))
    const dir = temporaryFolder()
    const sets = setOf(address, { name: "c.tar.gz", bytes: archive.length, md5: md5(archive), unpacksTo: "cifar-10-batches-bin", unpackedBytes: 10_000 }).map((set) => ({ ...set, folder: "cifar10" }))
    expect((await listDataSets(dir, sets))[0]!.present).toBe(false)
    await getDataSet("toy", dir, quick, sets)
    expect(readdirSync(join(dir, "cifar10"))).toEqual(["cifar-10-batches-bin"])
    expect((await listDataSets(dir, sets))[0]!.present).toBe(true)
    const source = await ask("cifar10", {}, { image: ["f32", 3, 32, 32], label: ["i32"] }, { batch: 2 }, { dataDir: dir })
    const { fields } = await source.batch(0)
    expect([[...fields["label"]!], fields["image"]![9]]).toEqual([[4, 4], Math.fround(0.2)])
  })

  test("a hostile archive leaves nothing anywhere: paths outwards, links, devices, too many bytes, a name twice, a cut", async () => {
    const fine = { name: "in/a", content: Buffer.from("fine") }
    const cases: readonly (readonly [readonly Member[], string])[] = [
      [[fine, { name: "../out", content: Buffer.from("x") }], "a path that leaves the folder"],
      [[fine, { name: "in/../../out" }], "a path that leaves the folder"],
      [[fine, { name: "/tmp/out" }], "an absolute path"],
      [[fine, { name: "in/link", type: "2", link: "/etc" }, { name: "in/link/x" }], "a symbolic link"],
      [[fine, { name: "in/hard", type: "1", link: "/etc/passwd" }], "a hard link"],
      [[fine, { name: "in/zero", type: "3" }], "a device"],
      [[fine, { name: "in/long", type: "x", content: Buffer.from("22 path=../../outside\n") }], "an extended header"],
      [[fine, { name: "in/big", content: Buffer.alloc(20_000) }], "bytes once unpacked"],
      [[fine, fine], "twice"],
    ]
    for (const [members, words] of cases) {
      const archive = gzipSync(tar(members))
      const { address } = await serve((_request, response) => void response.end(archive))
      const outside = temporaryFolder()
      const error = await failure(getDataSet("toy", join(outside, "data"), quick, setOf(address, { name: "a.tar.gz", bytes: archive.length, md5: md5(archive), unpacksTo: "in", unpackedBytes: 10_000 })))
      expect(error.message).toContain(words)
      expect(readdirSync(outside)).toEqual(["data"])
      expect(readdirSync(join(outside, "data/toy"))).toEqual(["a.tar.gz"])
    }
    const cut = gzipSync(tar([fine])).subarray(0, 60)
    const { address } = await serve((_request, response) => void response.end(cut))
    const error = await failure(getDataSet("toy", temporaryFolder(), quick, setOf(address, { name: "a.tar.gz", bytes: cut.length, md5: md5(cut), unpacksTo: "in" })))
    expect(error.message).toContain("expected a whole .tar.gz archive")
  })

  test("the table names https or official addresses, and an unknown set is answered with the known ones", async () => {
    expect(officialSets.map((set) => set.name)).toEqual(["cifar10", "cifar100", "mnist", "fashion"])
    for (const file of officialSets.flatMap((set) => set.files)) expect(file.md5).toMatch(/^[0-9a-f]{32}$/)
    expect((await failure(getDataSet("imagenet", temporaryFolder()))).message).toContain("expected one of cifar10, cifar100, mnist, fashion, found \"imagenet\"")
  })

  test.skipIf(!haveData)("the checksums and sizes of MNIST are those of the original files", () => {
    for (const file of officialSets.find((set) => set.name === "mnist")!.files) {
      const original = readFileSync(join(dataDir, "mnist", file.name))
      expect([original.length, md5(original)]).toEqual([file.bytes, file.md5])
    }
  })

  test("a progress line keeps to the width and shows the share", () => {
    const line = progressLine(85_000_000, 170_000_000, "cifar-10-binary.tar.gz", 80)
    expect(line).toMatch(/^cifar-10-binary\.tar\.gz \[(#+)(-+)\]  50%  85\.0 MB of 170\.0 MB$/)
    expect(Math.abs(line.split("#").length - line.split("-").length + 2)).toBeLessThan(2)
    expect(line.length).toBeLessThanOrEqual(80)
  })
})
