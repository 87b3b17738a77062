import { CopyError } from './error.js';
import { loadTarStream, type RawEntry, type RawHeader, type TarParser } from './tar-stream.js';

/** An entry of an archive, as it came: nothing of it is to be trusted. */
export interface TarEntry {
  readonly name: string;
  /** As tar-stream names them; `unknown` for what it does not know. */
  readonly type: string;
  readonly size: number;
  /** Permission bits, without set-user-id and the like. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** What a link points to. */
  readonly link: string;
  /** To be read, or passed over, before the next entry. */
  readonly body: AsyncIterable<Buffer>;
}

const BLOCK = 512;
const FUTURE = 8.64e12;

/**
 * Reads an archive entry by entry.
 *
 * @throws MissingPackageError; CopyError `bad-archive` for what is no archive, or one without its end; what the source
 * throws.
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, undefined> {
  const { extract } = await loadTarStream();
  // One character for each byte, so that names which are not UTF-8 can be told.
  const parser = extract({ filenameEncoding: 'latin1' });
  parser.on('error', () => {});
  let failure: { readonly error: unknown } | undefined;
  let received = 0;
  const feeding = feed(archive, parser, (bytes) => (received += bytes)).catch((error: unknown) => {
    failure = { error };
    // Without an error, an iterator that is asked only afterwards would wait for ever.
    parser.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  // What broke off a body is what broke off the archive.
  async function* told(body: RawEntry): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of body) yield chunk as Buffer;
    } catch (cause) {
      throw failure === undefined ? asBadArchive(cause) : failure.error;
    }
  }
  let end = 0;
  try {
    for await (const entry of parser) {
      end = endOf(entry.header);
      const body = told(entry);
      yield entryOf(entry, body);
      // The parser waits for all of it to be read.
      for await (const _chunk of body);
    }
    await feeding;
  } catch (cause) {
    throw failure === undefined ? asBadArchive(cause) : failure.error;
  } finally {
    parser.destroy();
    await feeding;
  }
  if (failure !== undefined) throw failure.error;
  // The parser takes an archive that breaks off between two entries for a whole one.
  if (received < end + BLOCK) throw asBadArchive(new Error('it has no end'));
}

async function feed(
  archive: AsyncIterable<Uint8Array>,
  parser: TarParser,
  count: (bytes: number) => void,
): Promise<void> {
  for await (const chunk of archive) {
    if (parser.destroyed) return;
    count(chunk.byteLength);
    if (!parser.write(chunk)) await drained(parser);
  }
  parser.end();
}

function drained(parser: TarParser): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      parser.off('drain', done);
      parser.off('close', done);
      resolve();
    };
    parser.on('drain', done);
    parser.on('close', done);
    if (parser.destroyed) done();
  });
}

function endOf({ byteOffset = 0, size = 0, type }: RawHeader): number {
  return byteOffset + (type === 'directory' ? 0 : Math.ceil(size / BLOCK) * BLOCK);
}

function entryOf({ header }: RawEntry, body: AsyncIterable<Buffer>): TarEntry {
  const pax = paxOf(header);
  // A sparse file's contents are a map and what is between the holes.
  const sparse = Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'));
  const modified = pax.mtime === undefined ? (header.mtime?.getTime() ?? 0) / 1000 : Number(pax.mtime);
  return {
    name: text(pax.path, header.name),
    type: sparse ? 'sparse-file' : (header.type ?? 'unknown'),
    size: header.size ?? 0,
    mode: (header.mode ?? 0) & 0o777,
    mtime: Number.isFinite(modified) ? Math.min(Math.max(modified, -FUTURE), FUTURE) : 0,
    link: text(pax.linkpath, header.linkname ?? ''),
    body,
  };
}

function paxOf({ pax }: RawHeader): Readonly<Record<string, string | undefined>> {
  return typeof pax === 'object' && pax !== null ? { ...pax } : {};
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A name as text: from a pax header it is that already, elsewhere there is a character for each byte. */
function text(pax: string | undefined, bytes: string): string {
  if (pax !== undefined) {
    if (pax.includes('\uFFFD')) throw notText(pax);
    return pax;
  }
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch (cause) {
    throw notText(bytes, cause);
  }
}

function notText(name: string, cause?: unknown): CopyError {
  return new CopyError('bad-archive', `a name is not UTF-8: ${JSON.stringify(name)}`, {
    cause,
    path: name,
    initiator: 'remote',
  });
}

function asBadArchive(cause: unknown): CopyError {
  if (cause instanceof CopyError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new CopyError('bad-archive', `not a whole tar archive: ${message}`, { cause, initiator: 'remote' });
}
