/** What a training run writes as it goes: metrics.jsonl, TensorBoard's events and sample pictures. Nothing here is needed to go on. */
import fs from "node:fs/promises"
import path from "node:path"
import { replaceFile } from "./durable-files.ts"
import { sheetPng } from "./pictures/sheet.ts"
import type { Picture } from "./reports.ts"
import { eventsHeader, pictureEvent, scalarEvent } from "./tensorboard.ts"
import type { TrainEvent } from "./train.ts"

type Report = Extract<TrainEvent, { readonly kind: "report" }>

export interface MetricLine {
  readonly step: number
  readonly seconds: number
  readonly [name: string]: number
}

export interface SampleFile {
  readonly name: string
  readonly step: number
  readonly file: string
}

export interface RunRecord {
  readonly write: (report: Report) => Promise<void>
  /** Forgets what was written of steps after this one. */
  readonly rewind: (step: number) => Promise<void>
  /** All lines of the run, those before a resumption too. */
  readonly lines: () => readonly MetricLine[]
  readonly samples: () => readonly SampleFile[]
  readonly close: () => Promise<void>
}

const metricsName = "metrics.jsonl"
const picturesFolder = "samples"

/** A line that was cut off by a kill, or that a resumed run will write anew, is no line of the run. */
const earlierLines = async (folder: string, upTo: number): Promise<readonly MetricLine[]> => {
  const text = await fs.readFile(path.join(folder, metricsName), "utf8").catch(() => "")
  return text.split("\n").flatMap((line) => {
    try {
      const found = JSON.parse(line) as MetricLine
      return typeof found.step === "number" && found.step <= upTo ? [found] : []
    } catch {
      return []
    }
  })
}

const earlierSamples = async (folder: string, upTo: number): Promise<readonly SampleFile[]> => {
  const names = await fs.readdir(path.join(folder, picturesFolder)).catch((): string[] => [])
  const found: SampleFile[] = []
  for (const file of names) {
    const match = /^(.+)-(\d+)\.png$/.exec(file)
    if (match === null) continue
    if (Number(match[2]) <= upTo) found.push({ name: match[1]!, step: Number(match[2]), file: path.join(picturesFolder, file) })
    else await fs.rm(path.join(folder, picturesFolder, file))
  }
  return found.sort((a, b) => a.step - b.step || (a.name < b.name ? -1 : 1))
}

const wallSeconds = (): number => Date.now() / 1000

/** The width and height that a PNG file says it has. */
const pngSize = (png: Uint8Array): readonly [number, number] => {
  const view = new DataView(png.buffer, png.byteOffset)
  return [view.getUint32(16), view.getUint32(20)]
}

/** A name that can be a file's. */
const fileName = (name: string): string => name.replace(/[^A-Za-z0-9_.-]/g, "_")

interface Files {
  readonly lines: MetricLine[]
  readonly samples: SampleFile[]
  readonly metrics: fs.FileHandle
  readonly events: fs.FileHandle
}

/** Earlier lines and pictures up to `step`; the lines are written anew, and events go to a file of their own. */
const openFiles = async (folder: string, step: number, number: number): Promise<Files> => {
  const lines = [...(await earlierLines(folder, step))]
  const samples = [...(await earlierSamples(folder, step))]
  await replaceFile(path.join(folder, metricsName), lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
  const metrics = await fs.open(path.join(folder, metricsName), "a")
  const name = `events.out.tfevents.${String(Math.floor(wallSeconds())).padStart(10, "0")}.${process.pid}.${number}.nda`
  const events = await fs.open(path.join(folder, name), "w")
  await events.write(eventsHeader(wallSeconds(), step))
  return { lines, samples, metrics, events }
}

/** `step`: where the run goes on; what is written of later steps goes. */
export const openRunRecord = async (folder: string, step: number): Promise<RunRecord> => {
  let openings = 0
  let files = await openFiles(folder, step, openings++)
  const close = async (): Promise<void> => {
    await files.metrics.close()
    await files.events.close()
  }
  const picture = async (report: Report, { name, output, values }: Picture): Promise<void> => {
    const png = sheetPng(output.shape, values, output.population === undefined ? {} : { population: output.population })
    const file = path.join(picturesFolder, `${fileName(name)}-${report.step}.png`)
    await fs.mkdir(path.join(folder, picturesFolder), { recursive: true })
    await fs.writeFile(path.join(folder, file), png)
    files.samples.push({ name, step: report.step, file })
    await files.events.write(pictureEvent(wallSeconds(), report.step, name, ...pngSize(png), png))
  }
  return {
    write: async (report) => {
      if (Object.keys(report.values).length > 0) {
        const line = { step: report.step, seconds: Number(report.seconds.toFixed(3)), ...report.values }
        files.lines.push(line)
        await files.metrics.write(`${JSON.stringify(line)}\n`)
        await files.events.write(scalarEvent(wallSeconds(), report.step, report.values))
      }
      for (const each of report.pictures) await picture(report, each)
    },
    rewind: async (to) => {
      await close()
      files = await openFiles(folder, to, openings++)
    },
    lines: () => files.lines,
    samples: () => files.samples,
    close,
  }
}
