/** What a failed attempt to connect says, on one line. */
export function failureDetail(error: unknown): string {
  // Node tries several addresses of a name, and gathers what they say under no message of its own.
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(failureDetail))].join('; ');
  }
  // OpenSSL's messages end in a line break.
  return (error instanceof Error ? error.message : String(error)).trim();
}
