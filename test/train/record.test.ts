import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { openRunRecord } from "../../src/runtime/run-record.ts"
import { crc32c, maskedCrc } from "../../src/runtime/tensorboard.ts"

type Field = readonly [number, number | bigint | Buffer]

/** Protobuf's wire format, read without nda's writer. */
const fields = (bytes: Buffer): readonly Field[] => {
  const found: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const wire = key & 7
    if (wire === 0) found.push([key >> 3, varint()])
    else if (wire === 1) found.push([key >> 3, bytes.readDoubleLE((at += 8) - 8)])
    else if (wire === 5) found.push([key >> 3, bytes.readFloatLE((at += 4) - 4)])
    else if (wire === 2) {
      const length = Number(varint())
      found.push([key >> 3, bytes.subarray(at, (at += length))])
    } else throw new Error(`wire type ${wire}`)
  }
  return found
}
const field = (all: readonly Field[], number: number) => all.find(([each]) => each === number)?.[1]

const readEvents = (file: Buffer): readonly (readonly Field[])[] => {
  const events: (readonly Field[])[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at))
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(data))
    events.push(fields(data))
    at += 16 + length
  }
  return events
}

describe("the record of a run", () => {
  it("uses the checksums of TensorFlow's records", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283)
    expect(maskedCrc(Buffer.from("123456789"))).toBe((((0xe3069283 >>> 15) | (0xe3069283 << 17)) + 0xa282ead8) >>> 0)
  })

  it("holds the same numbers in metrics.jsonl and in the events, with pictures, and forgets steps after the one it goes on from", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nda-record-"))
    const first = await openRunRecord(folder, 0)
    const output = { name: "x", buffer: 0, dtype: "f32" as const, shape: [1, 3, 4, 4], picture: "image" as const }
    for (const step of [1, 2, 3]) {
      await first.write({ kind: "report", step, seconds: step / 2, samples: 0, values: { loss: 1 / step, "critic.real": -step }, every: false, pictures: step === 1 ? [] : [{ name: "x", output, values: new Float32Array(48) }] })
    }
    await first.close()
    fs.appendFileSync(path.join(folder, "metrics.jsonl"), '{"step":4,"sec')
    const [file] = fs.readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."))
    const events = readEvents(fs.readFileSync(path.join(folder, file!)))
    expect(String(field(events[0]!, 3))).toBe("brain.Event:2")
    const summaries = events.flatMap((event) => {
      const summary = field(event, 5)
      return summary === undefined ? [] : fields(summary as Buffer).map(([, value]) => ({ step: Number(field(event, 2)), value: fields(value as Buffer) }))
    })
    const scalars = summaries.flatMap(({ step, value }) => (field(value, 2) === undefined ? [] : [[step, String(field(value, 1)), field(value, 2)]]))
    expect(scalars).toEqual([1, 2, 3].flatMap((step) => [[step, "loss", Math.fround(1 / step)], [step, "critic.real", -step]]))
    const pictures = summaries.flatMap(({ step, value }) => (field(value, 4) === undefined ? [] : [[step, field(fields(field(value, 4) as Buffer), 4)]]))
    expect(pictures).toEqual([2, 3].map((step) => [step, fs.readFileSync(path.join(folder, `samples/x-${step}.png`))]))

    const second = await openRunRecord(folder, 2)
    expect(second.lines().map((line) => line.step)).toEqual([1, 2])
    expect(second.samples().map((sample) => sample.step)).toEqual([2])
    await second.write({ kind: "report", step: 3, seconds: 9, samples: 0, values: { loss: 7 }, every: false, pictures: [] })
    await second.rewind(1)
    await second.write({ kind: "report", step: 2, seconds: 10, samples: 0, values: { loss: 8 }, every: false, pictures: [] })
    await second.close()
    expect(fs.readFileSync(path.join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => (JSON.parse(line) as { loss: number }).loss)).toEqual([1, 8])
    expect(fs.readdirSync(path.join(folder, "samples"))).toEqual([])
  })
})
