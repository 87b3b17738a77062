import { readFileSync } from 'node:fs';

let known: string | undefined;

/** Version of the package: that of the nearest manifest above, for the compiled file may lie at any depth. */
export function packageVersion(): string {
  known ??= readVersion(new URL(import.meta.url));
  return known;
}

function readVersion(from: URL): string {
  for (let directory = new URL('.', from); ; directory = new URL('..', directory)) {
    try {
      const manifest = JSON.parse(readFileSync(new URL('package.json', directory), 'utf8')) as { version?: string };
      return manifest.version ?? 'unknown';
    } catch {
      if (new URL('..', directory).href === directory.href) return 'unknown';
    }
  }
}
