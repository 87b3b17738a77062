import type { IncomingStream } from '../../src/httpstream/index.js';
import type { YamuxConnectionOptions } from '../../src/yamux/index.js';
import { rawPeer, type RawPeer } from '../support/yamux-raw.js';

/** Streams that came, with their headers as text and what they delivered. */
export class Seen {
  readonly streams: IncomingStream[] = [];
  readonly texts: string[] = [];
  readonly handler = (stream: IncomingStream): void => {
    const index = this.streams.push(stream) - 1;
    this.texts[index] = '';
    stream.on('data', (chunk: Buffer) => (this.texts[index] += chunk.toString()));
    stream.on('end', () => (this.texts[index] += '.'));
  };

  headers(index = 0): [string, readonly string[]][] {
    return [...(this.streams[index]?.headers.entries() ?? [])];
  }
}

/** Our server, and a peer that speaks frames. */
export function server(
  options: YamuxConnectionOptions = {},
  seen: Seen = new Seen(),
): RawPeer & { readonly seen: Seen } {
  return { ...rawPeer('server', seen.handler, { headers: true, ...options }), seen };
}

/** Our client, and a peer that speaks frames. */
export function client(options: YamuxConnectionOptions = {}): RawPeer {
  return rawPeer('client', (stream) => void stream.pipe(stream), { headers: true, ...options });
}

/** How a reset of ours looks. */
export function reset(id: number): string {
  return `WINDOW ${id} rst 0`;
}
