import { MissingPackageError } from '../../errors/index.js';

/** What tar-stream tells of an entry, as far as it is used here. */
export interface RawHeader {
  readonly name: string;
  readonly type?: string | null | undefined;
  readonly size?: number | undefined;
  readonly mode?: number | undefined;
  readonly mtime?: Date | undefined;
  readonly linkname?: string | null | undefined;
  /** The pax header that came before. */
  readonly pax?: unknown;
  /** Where the contents begin. */
  readonly byteOffset?: number;
}

/** An entry: its bytes, to be read before the next one is asked for. */
export interface RawEntry extends AsyncIterable<unknown> {
  readonly header: RawHeader;
}

/** The parser: a streamx Writable that gives entries. */
export interface TarParser extends AsyncIterable<RawEntry> {
  readonly destroyed: boolean;
  write(chunk: Uint8Array): boolean;
  end(data?: Uint8Array): unknown;
  destroy(error?: Error): void;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  off(event: string, listener: (...args: unknown[]) => void): unknown;
}

interface TarStream {
  /** `filenameEncoding` is how names outside of pax headers are read; its own types leave the option out. */
  extract(options?: object): TarParser;
}

/** Loads the optional package that reads archives. @throws MissingPackageError that tells how to install it. */
export async function loadTarStream(): Promise<TarStream> {
  try {
    return await import('tar-stream');
  } catch (cause) {
    throw new MissingPackageError(
      'copying from a container needs the optional package tar-stream, which could not be loaded; install it with: npm install tar-stream',
      { cause, initiator: 'local' },
    );
  }
}
