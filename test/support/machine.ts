import type { Limits } from '../../src/limits/limits.js';
import { resolveLimits } from '../../src/limits/limits.js';
import type { WireStream } from '../../src/wire/machine.js';
import { SpdyMachine, type SpdyMachineOptions } from '../../src/wire/spdy/machine.js';
import { describeFrames } from './frames.js';

/** A machine whose events are written down, with the wire streams it reported. */
export class MachineHarness {
  readonly machine: SpdyMachine<string>;
  /** One line per event: `opened 1 streamtype=error`, `data 1 "abc"`, `ended 1`, `closed 1`. */
  events: string[] = [];
  readonly streams: Map<number, WireStream<string>> = new Map();
  now: number = 0;
  /** What to do with a stream that the peer opens. */
  onOpened: (stream: WireStream<string>) => void = (stream: WireStream<string>): void => this.machine.accept(stream);

  constructor(
    role: 'client' | 'server' = 'server',
    limits: Partial<Limits> = {},
    options: Partial<SpdyMachineOptions> = {},
  ) {
    const log = (line: string): void => void this.events.push(line);
    this.machine = new SpdyMachine<string>(
      { role, limits: resolveLimits(limits), now: 0, ...options },
      {
        streamOpened: (stream, headers) => {
          log(`opened ${stream.id} ${text(headers)}`.trimEnd());
          this.streams.set(stream.id, stream);
          this.onOpened(stream);
        },
        streamAccepted: (stream) => log(`accepted ${stream.id}`),
        streamHeaders: (stream, headers) => log(`headers ${stream.id} ${text(headers)}`.trimEnd()),
        streamData: (stream, chunk) => log(`data ${stream.id} ${JSON.stringify(chunk.toString('latin1'))}`),
        streamEnded: (stream) => log(`ended ${stream.id}`),
        streamWritable: (stream) => log(`writable ${stream.id}`),
        streamReset: (stream, reason) => log(`reset ${stream.id} ${reason}`),
        streamClosed: (stream) => log(`closed ${stream.id}`),
        pong: (id) => log(`pong ${id}`),
        goneAway: (lastId) => log(`goneaway ${lastId}`),
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

  open(fields: readonly (readonly [string, readonly string[]])[] = []): WireStream<string> {
    const stream = this.machine.open(fields, 'ours');
    this.streams.set(stream.id, stream);
    return stream;
  }

  stream(id: number): WireStream<string> {
    const stream = this.streams.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    return stream;
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

function text(headers: ReadonlyMap<string, readonly string[]>): string {
  return [...headers].map(([name, values]) => `${name}=${values.join('|')}`).join(' ');
}
