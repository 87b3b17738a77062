import { buffer } from 'node:stream/consumers';
import { extract, pack } from 'tar-stream';

/** An entry for {@link tarOf}; nothing in it is checked. */
export interface TarSpec {
  readonly name: string;
  readonly type?: 'file' | 'link' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';
  readonly body?: string | Buffer;
  readonly link?: string;
  readonly mode?: number;
  readonly mtime?: Date;
  readonly pax?: Readonly<Record<string, string>>;
}

/** A tar archive of exactly these entries, however hostile. */
export async function tarOf(entries: readonly TarSpec[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, type = 'file', body = '', link, mode, mtime, pax } of entries) {
    const header = {
      name,
      type,
      ...(link === undefined ? {} : { linkname: link }),
      ...(mode === undefined ? {} : { mode }),
      ...(mtime === undefined ? {} : { mtime }),
      ...(pax === undefined ? {} : { pax }),
    };
    if (type === 'file') archive.entry(header, body);
    else archive.entry(header);
  }
  archive.finalize();
  return Buffer.concat(await collect(archive));
}

/** What an archive holds, as another reader sees it. */
export interface TarContents {
  readonly name: string;
  readonly type: string | null | undefined;
  readonly mode: number | undefined;
  readonly mtime: Date | undefined;
  readonly size: number | undefined;
  readonly link: string | null | undefined;
  readonly body: Buffer;
}

/** Reads an archive to its end. */
export async function readTar(archive: AsyncIterable<Uint8Array>): Promise<TarContents[]> {
  const parser = extract();
  const contents: TarContents[] = [];
  const reading = (async () => {
    for await (const entry of parser) {
      const { name, type, mode, mtime, size, linkname: link } = entry.header;
      contents.push({ name, type, mode, mtime, size, link, body: Buffer.concat(await collect(entry)) });
    }
  })();
  parser.end(await buffer(archive));
  await reading;
  return contents;
}

async function collect(source: AsyncIterable<unknown>): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk as Buffer);
  return chunks;
}
