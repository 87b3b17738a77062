// Two machines back to back, driven by random operations and random chunking from a seed, against a model that counts the
// bytes of each direction; and one machine that gets random frames. SEED and ROUNDS in the environment run others.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bufferMemory } from '../../src/bytes/memory.js';
import { TrunklineError } from '../../src/errors/index.js';
import { resolveLimits } from '../../src/limits/limits.js';
import { seededRandom } from '../../src/testing/random.js';
import type { MachineEvents, WireStream } from '../../src/wire/machine.js';
import { YamuxMachine } from '../../src/wire/yamux/machine.js';
import { head } from '../support/yamux-frames.js';

const KiB = 1024;
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const ROUNDS = Number(process.env['ROUNDS'] ?? 40);

type Pick = (most: number) => number;

function picker(seed: number): Pick {
  const random = seededRandom(seed);
  return (most) => Math.floor(random() * most);
}

function oneOf<T>(pick: Pick, items: readonly T[]): T {
  return items[pick(items.length)] as T;
}

/** What one end knows of a stream. */
class Record {
  readonly wire: WireStream<Record>;
  sent = 0;
  received = 0;
  unread = 0;
  accepted = false;
  ended = false;
  reset = false;
  closed = false;

  constructor(wire: WireStream<Record>) {
    this.wire = wire;
  }
}

/** A machine and what was told of its streams. */
class End implements MachineEvents<Record> {
  readonly machine: YamuxMachine<Record>;
  readonly records: Map<number, Record> = new Map();
  readonly #pick: Pick;
  now: number = 0;
  pongs: number = 0;
  pings: number = 0;
  /** Whether the peer sends what {@link send} does. */
  strict: boolean = true;

  constructor(role: 'client' | 'server', pick: Pick) {
    this.#pick = pick;
    const streamBufferBytes = oneOf(pick, [1, 256 * KiB, 300_001, 1024 * KiB]);
    const maxStreams = 1 + pick(8);
    const limits = resolveLimits({
      maxStreams,
      streamBufferBytes,
      receiveBudgetBytes: maxStreams * Math.max(256 * KiB, streamBufferBytes) + pick(3) * 4096 * KiB,
      maxStreamWindowBytes: oneOf(pick, [1, 256 * KiB, 2048 * KiB]),
      acceptBacklog: pick(4),
      maxPendingControlFrames: 1 + pick(4),
      resetBurst: 1_000_000,
      emptyFrameBurst: 1_000_000,
    });
    this.machine = new YamuxMachine<Record>({ role, limits, now: 0, allocate: bufferMemory }, this);
  }

  /** Streams that are not over. */
  get live(): Record[] {
    return [...this.records.values()].filter(({ closed }) => !closed);
  }

  streamOpened(wire: WireStream<Record>): void {
    const record = new Record(wire);
    wire.owner = record;
    assert.ok(!this.records.has(wire.id), `stream ${wire.id} opened twice`);
    this.records.set(wire.id, record);
    const mood = this.#pick(10);
    if (mood < 7) this.machine.accept(wire);
    else if (mood === 7) this.machine.refuse(wire, 'refused');
  }

  streamAccepted({ owner }: WireStream<Record>): void {
    assert.ok(owner !== undefined && !owner.accepted && !owner.closed);
    owner.accepted = true;
  }

  streamHeaders(): void {
    assert.fail('plain yamux has no headers');
  }

  streamData({ owner }: WireStream<Record>, chunk: Buffer): void {
    assert.ok(owner !== undefined && !owner.closed && !owner.ended && !owner.reset);
    if (this.strict) {
      for (const [index, byte] of chunk.subarray(0, 16).entries()) {
        assert.equal(byte, patternAt(owner.wire.id, owner.received + index));
      }
    }
    owner.received += chunk.length;
    owner.unread += chunk.length;
    if (this.#pick(40) === 0) this.machine.reset(owner.wire, 'cancel');
  }

  streamEnded({ owner }: WireStream<Record>): void {
    assert.ok(owner !== undefined && !owner.ended && !owner.closed);
    owner.ended = true;
  }

  streamWritable({ owner }: WireStream<Record>): void {
    assert.ok(owner !== undefined && !owner.closed);
    assert.ok(this.machine.sendable(owner.wire) > 0);
  }

  streamReset({ owner }: WireStream<Record>): void {
    assert.ok(owner !== undefined && !owner.reset && !owner.closed);
    owner.reset = true;
  }

  streamClosed({ owner }: WireStream<Record>): void {
    assert.ok(owner !== undefined && !owner.closed, 'closed once');
    owner.closed = true;
  }

  pong(): void {
    this.pongs++;
  }

  goneAway(): void {}

  send(record: Record, most: number): void {
    const room = Math.min(most, this.machine.sendable(record.wire), 64 * KiB);
    if (room === 0 || record.wire.localEnded || record.closed) return;
    const payload = Buffer.alloc(room);
    for (let i = 0; i < room; i++) payload[i] = patternAt(record.wire.id, record.sent + i);
    record.sent += room;
    this.machine.data(record.wire, payload);
  }

  consume(record: Record, most: number): void {
    const bytes = Math.min(record.unread, most);
    record.unread -= bytes;
    if (bytes > 0) this.machine.consumed(record.wire, bytes, () => this.now);
  }
}

function patternAt(id: number, at: number): number {
  return (id * 31 + at * 7 + (at >>> 8)) & 255;
}

/** Bytes on their way from one end to the other, cut at random. */
class Wire {
  readonly #from: End;
  readonly #to: End;
  readonly #pick: Pick;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(from: End, to: End, pick: Pick) {
    this.#from = from;
    this.#to = to;
    this.#pick = pick;
  }

  get empty(): boolean {
    return this.#bytes.length === 0 && this.#from.machine.output.length === 0;
  }

  /** Moves up to `most` bytes in pieces. */
  move(most: number): void {
    this.#bytes = Buffer.concat([this.#bytes, ...this.#from.machine.output.take()]);
    this.#from.machine.pendingControlFrames = 0;
    const part = this.#bytes.subarray(0, most);
    this.#bytes = this.#bytes.subarray(part.length);
    for (let at = 0; at < part.length;) {
      const end = Math.min(part.length, at + 1 + this.#pick(oneOf(this.#pick, [3, 40, 70_000])));
      const piece = part.subarray(at, end);
      for (let offset = 0; offset < piece.length;) {
        offset = this.#to.machine.receive(piece, offset, this.#to.now);
      }
      at = end;
    }
  }
}

function drain(wires: readonly Wire[]): void {
  for (let round = 0; wires.some(({ empty }) => !empty); round++) {
    assert.ok(round < 1000, 'the machines answer each other without end');
    for (const wire of wires) wire.move(Infinity);
  }
}

function step(end: End, pick: Pick): void {
  const record = end.records.size === 0 ? undefined : oneOf(pick, [...end.records.values()].slice(-12));
  const what = pick(20);
  if (record === undefined || what < 2) {
    const wire = end.machine.openWith(undefined, undefined);
    const opened = new Record(wire);
    wire.owner = opened;
    end.records.set(wire.id, opened);
  } else if (what < 8) end.send(record, oneOf(pick, [1, 1000, 64 * KiB]));
  else if (what < 14) end.consume(record, oneOf(pick, [1, 10_000, 1024 * KiB]));
  else if (what < 16) end.machine.accept(record.wire);
  else if (what === 16) end.machine.end(record.wire);
  else if (what === 17) end.machine.reset(record.wire, 'cancel');
  else if (what === 18) end.pings += end.machine.ping() >= 0 ? 1 : 0;
  else end.now += pick(50);
}

/** Everything that one end sent in order came to the other, as far as it was read before a reset. */
function check(from: End, to: End): void {
  for (const [id, record] of from.records) {
    const other = to.records.get(id);
    if (other === undefined) continue;
    assert.ok(other.received <= record.sent, `stream ${id}: more than was sent`);
    if (other.ended) assert.equal(other.received, record.sent, `stream ${id}: an end before the last byte`);
  }
}

describe('two yamux machines, random operations', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS; seed++) {
    it(`seed ${seed}`, () => {
      const pick = picker(seed);
      const client = new End('client', pick);
      const server = new End('server', pick);
      const ends = [client, server] as const;
      const wires = [new Wire(client, server, pick), new Wire(server, client, pick)] as const;
      for (let i = 0; i < 400; i++) {
        step(oneOf(pick, ends), pick);
        if (pick(3) === 0) oneOf(pick, wires).move(oneOf(pick, [1, 100, 300_000]));
      }
      drain(wires);
      check(client, server);
      check(server, client);
      // A window that was used up opens again when all is read.
      for (const end of ends) {
        for (const record of end.live) end.consume(record, Infinity);
      }
      drain(wires);
      for (const end of ends) {
        for (const record of end.live) {
          const { localEnded, state } = record.wire;
          assert.notEqual(state, 'closed');
          if (state === 'open' && !localEnded) assert.ok(end.machine.sendable(record.wire) > 128 * KiB);
        }
      }
      for (const end of ends) {
        for (const record of end.live) {
          end.machine.accept(record.wire);
          end.machine.end(record.wire);
        }
      }
      drain(wires);
      check(client, server);
      check(server, client);
      for (const end of ends) {
        assert.deepEqual(
          end.live.map(({ wire }) => [wire.id, wire.state]),
          [],
        );
        assert.equal(end.machine.committed, 0);
        assert.ok(end.pongs >= end.pings);
      }
    });
  }
});

describe('a yamux machine, random frames', () => {
  it(`seeds from ${FIRST_SEED}: typed errors, and nothing half made`, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + ROUNDS * 25; seed++) {
      const pick = picker(seed);
      const end = new End(oneOf(pick, ['client', 'server']), pick);
      end.strict = false;
      try {
        for (let i = 0; i < 60; i++) {
          if (pick(4) === 0) step(end, pick);
          const length = oneOf(pick, [0, 0, 1, 5, 262_144, 262_145, 2 ** 32 - 1, 2 ** 31]);
          const frame = head(pick(4), oneOf(pick, [0, 1, 2, 4, 8, pick(16)]), pick(9), length, pick(200) === 0 ? 1 : 0);
          const body = frame[1] === 0 && length < 262_146 ? Buffer.alloc(length) : Buffer.alloc(0);
          const bytes = Buffer.concat([frame, body]);
          for (let offset = 0; offset < bytes.length;) {
            offset = end.machine.receive(bytes, offset, end.now);
            end.machine.pendingControlFrames = 0;
          }
          end.machine.output.take();
        }
      } catch (error) {
        assert.ok(error instanceof TrunklineError, `seed ${seed}: ${String((error as Error).stack)}`);
      }
      for (const record of end.live) end.machine.reset(record.wire, 'cancel');
      assert.equal(end.live.length, 0);
      assert.equal(end.machine.committed, 0, `seed ${seed}`);
    }
  });
});
