/** What the exit code of `nda` says. */
export const exitCode = { ok: 0, program: 1, usage: 2, runtime: 3, internal: 4, interrupted: 130, terminated: 143 } as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]
