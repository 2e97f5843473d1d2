/** TensorBoard's event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of Event messages in protobuf's wire format. */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0x82f63b78 ^ (crc >>> 1) : crc >>> 1
  return crc
})

/** Castagnoli's polynomial. */
export const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** TensorFlow's mask, so that the checksum of data that holds checksums stays good. */
export const maskedCrc = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const record = (data: Uint8Array): Buffer => {
  const framed = Buffer.alloc(16 + data.length)
  framed.writeBigUInt64LE(BigInt(data.length), 0)
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8)
  framed.set(data, 12)
  framed.writeUInt32LE(maskedCrc(data), 12 + data.length)
  return framed
}

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let rest = BigInt(value)
  do {
    const low = Number(rest & 127n)
    rest >>= 7n
    bytes.push(rest > 0n ? low | 128 : low)
  } while (rest > 0n)
  return Buffer.from(bytes)
}

const wire = { varint: 0, double: 1, bytes: 2, float: 5 } as const
const key = (field: number, type: number): Buffer => varint(field * 8 + type)
const whole = (field: number, value: number): Buffer => Buffer.concat([key(field, wire.varint), varint(value)])
const delimited = (field: number, data: Uint8Array): Buffer => Buffer.concat([key(field, wire.bytes), varint(data.length), data])
const text = (field: number, value: string): Buffer => delimited(field, Buffer.from(value))
const double = (field: number, value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return Buffer.concat([key(field, wire.double), bytes])
}
const float = (field: number, value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([key(field, wire.float), bytes])
}

const event = (wallSeconds: number, step: number, what: Buffer): Buffer => record(Buffer.concat([double(1, wallSeconds), whole(2, step), what]))

/** The first event of a file; with `from`, TensorBoard forgets what other files say of later steps. */
export const eventsHeader = (wallSeconds: number, from: number): Uint8Array =>
  Buffer.concat([event(wallSeconds, 0, text(3, "brain.Event:2")), ...(from > 0 ? [event(wallSeconds, from, delimited(7, whole(1, 1)))] : [])])

export const scalarEvent = (wallSeconds: number, step: number, values: Readonly<Record<string, number>>): Uint8Array =>
  event(wallSeconds, step, delimited(5, Buffer.concat(Object.entries(values).map(([tag, value]) => delimited(1, Buffer.concat([text(1, tag), float(2, value)]))))))

export const pictureEvent = (wallSeconds: number, step: number, tag: string, width: number, height: number, png: Uint8Array): Uint8Array =>
  event(wallSeconds, step, delimited(5, delimited(1, Buffer.concat([text(1, tag), delimited(4, Buffer.concat([whole(1, height), whole(2, width), whole(3, 3), delimited(4, png)]))]))))
