/** `nda/runtime`: runs compiled plans on a device; the compiler is `nda`. */
export * from "./runtime/runtime-api.ts"
