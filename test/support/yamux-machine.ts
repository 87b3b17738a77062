import { bufferMemory } from '../../src/bytes/memory.js';
import { resolveLimits, type Limits } from '../../src/limits/limits.js';
import type { WireStream } from '../../src/wire/machine.js';
import { YamuxMachine, type YamuxMachineOptions } from '../../src/wire/yamux/machine.js';
import { describeFrames } from './yamux-frames.js';

/** A machine whose events are written down, with the wire streams it reported. */
export class YamuxHarness {
  readonly machine: YamuxMachine<string>;
  /** One line per event: `opened 1`, `data 1 "abc"`, `data 1 65536 bytes`, `ended 1`, `closed 1`. */
  events: string[] = [];
  /** The data itself, as it was handed out. */
  readonly chunks: Buffer[] = [];
  readonly streams: Map<number, WireStream<string>> = new Map();
  now: number = 0;
  /** What to do with a stream that the peer opens. */
  onOpened: (stream: WireStream<string>) => void = (stream: WireStream<string>): void => this.machine.accept(stream);
  /** Called after each event. */
  onEvent: (line: string) => void = () => {};

  constructor(
    role: 'client' | 'server' = 'server',
    limits: Partial<Limits> = {},
    options: Partial<YamuxMachineOptions<Buffer>> = {},
  ) {
    const log = (line: string): void => {
      this.events.push(line);
      this.onEvent(line);
    };
    this.machine = new YamuxMachine<string>(
      { role, limits: resolveLimits(limits), now: 0, allocate: bufferMemory, ...options },
      {
        streamOpened: (stream, headers) => {
          log(headers.size === 0 ? `opened ${stream.id}` : `opened ${stream.id} with headers`);
          this.streams.set(stream.id, stream);
          this.onOpened(stream);
        },
        streamAccepted: (stream) => log(`accepted ${stream.id}`),
        streamHeaders: (stream) => log(`headers ${stream.id}`),
        streamData: (stream, chunk) => {
          this.chunks.push(chunk);
          const text = chunk.length > 4096 ? `${chunk.length} bytes` : JSON.stringify(chunk.toString('latin1'));
          log(`data ${stream.id} ${text}`);
        },
        streamEnded: (stream) => log(`ended ${stream.id}`),
        streamWritable: (stream) => log(`writable ${stream.id}`),
        streamReset: (stream, reason) => log(`reset ${stream.id} ${reason}`),
        streamClosed: (stream) => log(`closed ${stream.id}`),
        pong: (id) => log(`pong ${id}`),
        goneAway: (_lastId, error) => log(error === undefined ? 'goneaway' : `goneaway ${error.message}`),
      },
    );
  }

  /** Feeds bytes, to the end whatever pauses. */
  receive(...parts: readonly Buffer[]): void {
    const bytes = Buffer.concat(parts);
    for (let offset = 0; offset < bytes.length;) offset = this.machine.receive(bytes, offset, this.now);
  }

  /** The error that the bytes end the connection with; `undefined` when there was none. */
  failure(...parts: readonly Buffer[]): unknown {
    try {
      this.receive(...parts);
    } catch (error) {
      return error;
    }
    return undefined;
  }

  open(): WireStream<string> {
    const stream = this.machine.open([], 'ours');
    this.streams.set(stream.id, stream);
    return stream;
  }

  stream(id: number): WireStream<string> {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    return stream;
  }

  /** The application has taken so many bytes. */
  consume(id: number, bytes: number): void {
    this.machine.consumed(this.stream(id), bytes, () => this.now);
  }

  takeBytes(): Buffer {
    return Buffer.concat(this.machine.output.take());
  }

  /** What was sent since the last call, as text. */
  takeOutput(): string[] {
    return describeFrames(this.takeBytes());
  }

  takeEvents(): string[] {
    const { events } = this;
    this.events = [];
    return events;
  }
}

/** Data events of one stream in a row become one. */
export function joinData(events: readonly string[]): string[] {
  const joined: string[] = [];
  for (const event of events) {
    const match = /^(data \d+ )"(.*)"$/.exec(event);
    const last = joined.at(-1);
    if (match?.[1] !== undefined && last?.startsWith(`${match[1]}"`) === true) {
      joined[joined.length - 1] = `${last.slice(0, -1)}${match[2]}"`;
    } else joined.push(event);
  }
  return joined;
}
