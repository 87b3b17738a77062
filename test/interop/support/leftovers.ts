/**
 * Ends a test process that goes on after its tests, and says what keeps it: without this it would only be cut off by the
 * runner's timeout, with no word of why. To be called when all is closed.
 */
export function failOnLeftovers(milliseconds = 30_000): void {
  setTimeout(() => {
    process.stderr.write(`still open after the tests: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, milliseconds).unref();
}
