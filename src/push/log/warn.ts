/** Makes an error, that nobody else is there to hear of, a warning of the process. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
