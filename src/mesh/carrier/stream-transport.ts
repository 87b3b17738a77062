import type { Connection, Stream } from '../../httpstream/index.js';
import type { LinkTransport, TransportEvents } from '../link/transport.js';
import type { Lane } from '../protocol/messages.js';
import { Deframer, framed } from './framing.js';

/** The lanes of a link, each a stream of its own. */
export const LANES: readonly Lane[] = ['control', 'log', 'fetch'];

/** A link over an upgraded connection: three streams of framed messages. */
export class StreamTransport implements LinkTransport {
  readonly dialled: boolean;
  readonly address: string;
  readonly #connection: Connection;
  readonly #streams: Readonly<Record<Lane, Stream>>;
  #events: TransportEvents | undefined;
  #over = false;

  constructor(connection: Connection, streams: Readonly<Record<Lane, Stream>>, dialled: boolean, address: string) {
    this.#connection = connection;
    this.#streams = streams;
    this.dialled = dialled;
    this.address = address;
    void connection.closed.then(({ error }) => this.#finish(error));
    // Before anybody listens, too: a failed stream is the end of the link.
    for (const lane of LANES) streams[lane].on('error', (error: Error) => this.#finish(error));
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    for (const lane of LANES) this.#read(lane, this.#streams[lane]);
  }

  send(lane: Lane, bytes: Uint8Array): boolean {
    if (this.#over) return false;
    const stream = this.#streams[lane];
    if (stream.write(framed(bytes))) return true;
    stream.once('drain', () => {
      if (!this.#over) this.#events?.room(lane);
    });
    return false;
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    // What was written leaves before the connection ends.
    for (const lane of LANES) this.#streams[lane].end();
    const { control } = this.#streams;
    const end = (): void => void this.#connection.close();
    if (control.writableFinished) end();
    else control.once('finish', end).once('close', end);
  }

  #read(lane: Lane, stream: Stream): void {
    const deframer = new Deframer((bytes) => {
      if (!this.#over) this.#events?.message(lane, bytes);
    });
    stream.on('data', (chunk: Buffer) => {
      try {
        deframer.push(chunk);
      } catch (error) {
        this.#finish(error instanceof Error ? error : new Error(String(error)));
        void this.#connection.close();
      }
    });
    stream.on('end', () => this.#finish(undefined));
  }

  #finish(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    void this.#connection.close();
    this.#events?.closed(error);
  }
}
