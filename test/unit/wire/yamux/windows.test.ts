import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { WireStream } from '../../../../src/wire/machine.js';
import { INITIAL_WINDOW, data, syn, windowUpdate, ping, parseFrames, ACK, SYN } from '../../../support/yamux-frames.js';
import { YamuxHarness } from '../../../support/yamux-machine.js';

const ZEROS = Buffer.alloc(4 * 1024 * 1024);
const KiB = 1024;

/** One side's view of a stream: what its application still wants to send, and what it has not read yet. */
interface End {
  readonly stream: WireStream<string>;
  toSend: number;
  unread: number;
  received: number;
  sent: number;
}

/** One of two machines that talk, with an application on top that writes and reads as it is told. */
class Side {
  readonly harness: YamuxHarness;
  readonly ends: Map<number, End> = new Map();
  /** Bytes on their way to the other side. */
  wire: Buffer = Buffer.alloc(0);

  constructor(role: 'client' | 'server', limits: ConstructorParameters<typeof YamuxHarness>[1]) {
    this.harness = new YamuxHarness(role, limits);
    this.harness.onOpened = (stream) => {
      this.add(stream);
      this.harness.machine.accept(stream);
    };
    this.harness.onEvent = (line) => {
      const [kind, id] = line.split(' ');
      const end = this.ends.get(Number(id));
      const length = this.harness.chunks.pop()?.length ?? 0;
      if (kind !== 'data' || end === undefined) return;
      end.unread += length;
      end.received += length;
    };
  }

  add(stream: WireStream<string>): End {
    const end = { stream, toSend: 0, unread: 0, received: 0, sent: 0 };
    this.ends.set(stream.id, end);
    return end;
  }

  flush(): void {
    const { machine } = this.harness;
    for (const end of this.ends.values()) {
      for (;;) {
        if (end.toSend === 0) break;
        const length = Math.min(64 * KiB, end.toSend, machine.sendable(end.stream));
        if (length === 0) break;
        machine.data(end.stream, ZEROS.subarray(0, length));
        end.toSend -= length;
        end.sent += length;
      }
    }
    this.wire = Buffer.concat([this.wire, ...machine.output.take()]);
  }

  read(end: End, most: number): void {
    const taken = Math.min(end.unread, most);
    end.unread -= taken;
    if (taken > 0) this.harness.machine.consumed(end.stream, taken, () => this.harness.now);
  }
}

class Pair {
  readonly sides: readonly [Side, Side];
  readonly budget: number;

  constructor(limits: {
    streamBufferBytes: number;
    receiveBudgetBytes: number;
    maxStreams: number;
    acceptBacklog: number;
  }) {
    this.sides = [new Side('client', limits), new Side('server', limits)];
    this.budget = limits.receiveBudgetBytes;
  }

  deliver(from: 0 | 1, most: number): void {
    const source = this.sides[from];
    const target = this.sides[from === 0 ? 1 : 0];
    source.flush();
    const piece = source.wire.subarray(0, most);
    source.wire = source.wire.subarray(piece.length);
    const error = target.harness.failure(Buffer.from(piece));
    assert.equal(error, undefined, 'sent what the other side does not allow');
    this.check();
  }

  check(): void {
    for (const { harness, ends } of this.sides) {
      assert.ok(harness.machine.committed <= this.budget, `${harness.machine.committed} promised`);
      let held = 0;
      for (const { stream, unread } of ends.values())
        held += stream.inbound ? unread : Math.max(0, unread - INITIAL_WINDOW);
      assert.ok(held <= this.budget, `${held} held`);
    }
  }

  /** Both applications read all there is, until nothing moves any more. */
  settle(): void {
    for (let quiet = 0; quiet < 3;) {
      let moved = false;
      for (const from of [0, 1] as const) {
        const side = this.sides[from];
        for (const end of side.ends.values()) this.sides[from].read(end, Infinity);
        side.flush();
        moved ||= side.wire.length > 0;
        this.deliver(from, Infinity);
      }
      quiet = moved ? 0 : quiet + 1;
    }
  }
}

type Step =
  | { readonly do: 'open'; readonly side: 0 | 1 }
  | { readonly do: 'flush'; readonly side: 0 | 1 }
  | { readonly do: 'write' | 'read'; readonly side: 0 | 1; readonly pick: number; readonly bytes: number }
  | { readonly do: 'deliver'; readonly side: 0 | 1; readonly bytes: number }
  | { readonly do: 'wait'; readonly milliseconds: number };

const side = fc.constantFrom<0 | 1>(0, 1);
const bytes = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 1024 * KiB }),
  fc.constant(INITIAL_WINDOW),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), side }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flush' as const), side }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), side, pick: fc.nat(7), bytes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), side, pick: fc.nat(7), bytes }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const), side, bytes }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait' as const), milliseconds: fc.constantFrom(0.1, 5, 20_000) }),
  },
);

function run(pair: Pair, one: Step): void {
  if (one.do === 'wait') {
    for (const { harness } of pair.sides) harness.now += one.milliseconds;
    return;
  }
  const here = pair.sides[one.side];
  if (one.do === 'open') {
    if (here.ends.size < 8) here.add(here.harness.open());
    return;
  }
  if (one.do === 'flush') return here.flush();
  if (one.do === 'deliver') return pair.deliver(one.side, one.bytes);
  const end = [...here.ends.values()][one.pick % Math.max(1, here.ends.size)];
  if (end === undefined) return;
  if (one.do === 'write') end.toSend += one.bytes;
  else here.read(end, one.bytes);
}

describe('yamux windows', () => {
  for (const [what, limits] of [
    [
      'much room',
      { streamBufferBytes: 256 * KiB, receiveBudgetBytes: 64 * 1024 * KiB, maxStreams: 16, acceptBacklog: 4 },
    ],
    [
      'no room to grow',
      { streamBufferBytes: 256 * KiB, receiveBudgetBytes: 16 * 256 * KiB, maxStreams: 16, acceptBacklog: 4 },
    ],
    [
      'windows that start larger',
      { streamBufferBytes: 512 * KiB, receiveBudgetBytes: 10 * 1024 * KiB, maxStreams: 16, acceptBacklog: 2 },
    ],
  ] as const) {
    it(`${what}: no side sends beyond a window, no side promises beyond its budget, all arrives`, () => {
      let moved = 0;
      fc.assert(
        fc.property(fc.array(step, { minLength: 30, maxLength: 120, size: 'max' }), (steps) => {
          const pair = new Pair(limits);
          for (const one of steps) run(pair, one);
          pair.settle();
          const [client, server] = pair.sides;
          for (const [here, there] of [
            [client, server],
            [server, client],
          ] as const) {
            for (const [id, { sent, toSend, stream }] of here.ends) {
              // Refused, where both together opened more than there was room for.
              if (stream.state === 'closed') continue;
              assert.equal(toSend, 0, `stream ${id} is stuck`);
              assert.equal(there.ends.get(id)?.received, sent);
              moved += sent;
            }
          }
        }),
        { numRuns: 200, seed: 41 },
      );
      assert.ok(moved > 200 * 1024 * KiB, `${moved} bytes in all`);
    });
  }

  it('a fast reader on a long way gets a growing window; a slow one does not', () => {
    for (const [pause, grows] of [
      [1, true],
      [10_000, false],
    ] as const) {
      const harness = new YamuxHarness('server');
      harness.receive(syn(1));
      harness.takeBytes();
      let most = INITIAL_WINDOW;
      let granted = INITIAL_WINDOW;
      for (let round = 0; round < 40; round++) {
        const length = Math.min(granted, 128 * KiB);
        granted -= length;
        harness.receive(data(1, ZEROS.subarray(0, length)));
        harness.now += pause;
        harness.consume(1, length);
        for (const { type, flags, length: value } of parseFrames(harness.takeBytes())) {
          if (type === 1) granted += value;
          // The peer answers 100 ms later.
          if (type === 2 && flags === SYN) {
            harness.now += 100;
            harness.receive(ping(value, ACK));
          }
        }
        most = Math.max(most, granted);
      }
      assert.equal(most > INITIAL_WINDOW, grows, `${most} with ${pause} ms between reads`);
      assert.ok(most <= 16 * 1024 * KiB + 128 * KiB, 'past maxStreamWindowBytes');
    }
  });

  it('growth ends at maxStreamWindowBytes, and at what is spare of the budget', () => {
    for (const [limits, top] of [
      [{ maxStreamWindowBytes: 1024 * KiB }, 1024 * KiB],
      [{ maxStreams: 4, acceptBacklog: 4, receiveBudgetBytes: 5 * 256 * KiB }, 512 * KiB],
      [{ maxStreams: 4, acceptBacklog: 4, receiveBudgetBytes: 4 * 256 * KiB }, 256 * KiB],
    ] as const) {
      const harness = new YamuxHarness('server', limits);
      harness.receive(syn(1));
      harness.takeBytes();
      let granted = INITIAL_WINDOW;
      let most = granted;
      for (let round = 0; round < 60; round++) {
        const length = granted;
        granted = 0;
        harness.receive(data(1, ZEROS.subarray(0, length)));
        harness.now += 1;
        harness.consume(1, length);
        for (const { type, flags, length: value } of parseFrames(harness.takeBytes())) {
          if (type === 1) granted += value;
          if (type === 2 && flags === SYN) {
            harness.now += 50;
            harness.receive(ping(value, ACK));
          }
        }
        most = Math.max(most, granted);
      }
      assert.ok(most <= top, `${most} of ${top}`);
      assert.ok(most > top * 0.9 || top === 256 * KiB, `${most} of ${top}`);
    }
  });

  it('a window that has grown gives room back when more streams come', () => {
    const limits = { maxStreams: 8, acceptBacklog: 1, receiveBudgetBytes: 8 * 256 * KiB };
    const harness = new YamuxHarness('server', limits);
    harness.receive(syn(1));
    let granted = INITIAL_WINDOW;
    const round = (): void => {
      const length = granted;
      granted = 0;
      harness.receive(data(1, ZEROS.subarray(0, length)));
      harness.now += 1;
      harness.consume(1, length);
      for (const { type, id, flags, length: value } of parseFrames(harness.takeBytes())) {
        if (type === 1 && id === 1) granted += value;
        if (type === 2 && flags === SYN) {
          harness.now += 50;
          harness.receive(ping(value, ACK));
        }
      }
    };
    for (let i = 0; i < 40; i++) round();
    assert.ok(granted > 1024 * KiB, `${granted}`);
    let opened = 0;
    for (let id = 3; id < 3 + 2 * 100; id += 2) {
      harness.receive(syn(id));
      if (harness.streams.has(id)) opened++;
      round();
    }
    assert.ok(opened >= 6, `${opened} others`);
    assert.ok(harness.machine.committed <= limits.receiveBudgetBytes);
    assert.ok(granted >= INITIAL_WINDOW, `${granted}`);
  });

  it('streams of ours cost the budget only what their windows have grown by', () => {
    const harness = new YamuxHarness('client', { maxStreams: 2, acceptBacklog: 1, receiveBudgetBytes: 2 * 256 * KiB });
    for (let i = 0; i < 10; i++) harness.open();
    assert.equal(harness.machine.committed, 0);
    harness.receive(syn(2), syn(4), syn(6));
    assert.deepEqual(harness.takeEvents(), ['opened 2', 'opened 4']);
    assert.ok(harness.takeOutput().includes('WINDOW 6 rst 0'));
  });

  it('what finished streams still hold unread counts', () => {
    let held = 0;
    const limits = { maxStreams: 2, acceptBacklog: 1, receiveBudgetBytes: 2 * 256 * KiB };
    const harness = new YamuxHarness('server', limits, { held: () => held });
    harness.receive(syn(1));
    held = 1;
    harness.receive(syn(3));
    held = 0;
    harness.receive(syn(5), windowUpdate(5, 1));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'WINDOW 3 rst 0', 'WINDOW 5 ack 0']);
  });
});
