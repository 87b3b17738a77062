import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import {
  LimitExceededError,
  ProtocolError,
  StreamsExhaustedError,
  type ResetReason,
} from '../../../../src/errors/index.js';
import type { Machine, WireStream } from '../../../../src/wire/machine.js';
import {
  control,
  data,
  FrameFactory,
  goAway,
  headerBlock,
  ping,
  rst,
  settings,
  windowUpdate,
} from '../../../support/frames.js';
import { MachineHarness } from '../../../support/machine.js';

/** A frame that a peer sends, legal or not; header blocks come from the peer's own factory, in order. */
type Input = (factory: FrameFactory) => Buffer;

const id = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 8 }) },
  fc.constantFrom(0, 9, 10, 0x7fffffff, 0x7ffffffe),
);
const flags = fc.constantFrom(0, 0, 1, 2, 3, 0x80);
const fields = fc.constantFrom<readonly (readonly [string, string])[]>(
  [],
  [['a', 'b']],
  [
    ['a', '1\x002'],
    ['c', ''],
  ],
);
const input: fc.Arbitrary<Input> = fc.oneof(
  fc.tuple(id, fields, flags).map(
    ([at, head, flag]): Input =>
      (f) =>
        f.synStream(at, head, flag),
  ),
  fc.tuple(id, fields, flags).map(
    ([at, head, flag]): Input =>
      (f) =>
        f.synReply(at, head, flag & 1),
  ),
  fc.tuple(id, fields, flags).map(
    ([at, head, flag]): Input =>
      (f) =>
        f.headers(at, head, flag & 1),
  ),
  fc.tuple(id, fc.constantFrom('', 'x', 'hello'), flags).map(
    ([at, text, flag]): Input =>
      () =>
        data(at, text, flag),
  ),
  fc.tuple(id, fc.integer({ min: 0, max: 13 })).map(
    ([at, code]): Input =>
      () =>
        rst(at, code),
  ),
  fc.tuple(id).map(
    ([at]): Input =>
      () =>
        ping(at),
  ),
  fc.constant<Input>(() => settings([[4, 100]])),
  fc.tuple(id).map(
    ([at]): Input =>
      () =>
        windowUpdate(at, 100),
  ),
  fc.constant<Input>((f) => f.synStreamBlock(1, headerBlock([['UPPER', 'x']]))),
  fc.tuple(id).map(
    ([at]): Input =>
      () =>
        goAway(at),
  ),
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 20 })).map(
    ([type, bytes]): Input =>
      () =>
        control(type, 0, Buffer.from(bytes)),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 30 }).map(
    (bytes): Input =>
      () =>
        Buffer.from(bytes),
  ),
);
const OWN = ['open', 'accept', 'end', 'data', 'reset', 'ping', 'goAway', 'violated'] as const;
const step = fc.oneof(
  { weight: 3, arbitrary: input.map((make) => ({ make })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...OWN), fc.nat(5)).map(([own, pick]) => ({ own, pick })) },
);

function act(harness: MachineHarness, own: (typeof OWN)[number], pick: number): void {
  const { machine } = harness;
  const known = [...harness.streams.values()];
  const stream: WireStream<string> | undefined = known[pick % Math.max(1, known.length)];
  if (own === 'open') harness.open([['a', ['b']]]);
  else if (own === 'ping') machine.ping();
  else if (own === 'goAway') machine.goAway();
  else if (stream === undefined) return;
  else if (own === 'accept') machine.accept(stream);
  else if (own === 'end') machine.end(stream);
  else if (own === 'data') machine.data(stream, Buffer.from('d'));
  else machine[own](stream, 'cancel');
}

describe('SpdyMachine', () => {
  for (const role of ['server', 'client'] as const) {
    it(`${role}: no sequence of frames and calls gives anything but its own errors and sane events`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, acceptAtOnce) => {
          const harness = new MachineHarness(role);
          if (!acceptAtOnce) harness.onOpened = () => {};
          const factory = new FrameFactory();
          for (const one of steps) {
            if ('own' in one) {
              try {
                act(harness, one.own, one.pick);
              } catch (error) {
                // Only `violated` may throw, when the budget is spent.
                assert.ok(error instanceof LimitExceededError, String(error));
              }
              continue;
            }
            const error = harness.failure(one.make(factory));
            if (error === undefined) continue;
            assert.ok(error instanceof ProtocolError || error instanceof LimitExceededError, String(error));
            const output = harness.takeOutput();
            assert.ok(
              output.some((line) => line.startsWith('GOAWAY')),
              output.join(),
            );
            break;
          }
          checkEvents(harness.takeEvents());
          for (const stream of harness.streams.values()) harness.machine.reset(stream, 'cancel');
          for (const stream of harness.streams.values()) assert.equal(stream.state, 'closed');
        }),
        { numRuns: 2000, seed: 5 },
      );
    });
  }

  it('reads the same from any split of the bytes', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 15 }), fc.array(fc.nat(400)), (inputs, cuts) => {
        const factory = new FrameFactory();
        const bytes = Buffer.concat(inputs.map((make) => make(factory)));
        const whole = new MachineHarness();
        const wholeError = whole.failure(bytes);
        const split = new MachineHarness();
        let splitError: unknown;
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        for (let i = 1; i < at.length && splitError === undefined; i++) {
          splitError = split.failure(bytes.subarray(at[i - 1], at[i]));
        }
        assert.deepEqual(joinData(split.takeEvents()), joinData(whole.takeEvents()));
        assert.deepEqual(split.takeOutput(), whole.takeOutput());
        assert.equal(String(splitError), String(wholeError));
      }),
      { numRuns: 300, seed: 6 },
    );
  });

  it('opens ids up to the last and then says that they are used up', () => {
    const harness = new MachineHarness('client', {}, { firstStreamId: 2 ** 31 - 3 });
    assert.equal(harness.open().id, 2 ** 31 - 3);
    assert.equal(harness.open().id, 2 ** 31 - 1);
    assert.throws(() => harness.open(), StreamsExhaustedError);
    assert.throws(() => harness.open(), StreamsExhaustedError);
  });

  it('keeps the parity of ping ids when they start over', () => {
    for (const [role, first] of [
      ['client', 1],
      ['server', 2],
    ] as const) {
      const harness = new MachineHarness(role);
      assert.equal(harness.machine.ping(), first);
      assert.equal(harness.machine.ping(), first + 2);
    }
  });

  it('refuses to send headers that are larger than it would take, and nothing has changed', () => {
    const harness = new MachineHarness('client', { maxHeaderBytes: 1000 });
    const fits = 1000 - headerBlock([['a', '']]).length;
    assert.throws(() => harness.open([['a', ['x'.repeat(fits + 1)]]]), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(harness.machine.output.length, 0);
    assert.equal(harness.open([['a', ['x'.repeat(fits)]]]).id, 1);
    const server = new MachineHarness('server', { maxHeaderBytes: 1000 });
    server.receive(harness.takeBytes());
    assert.equal(server.takeEvents().length, 1);
  });

  it('what fits maxControlFrameBytes at the sender fits at the receiver', () => {
    for (const level of [0, 9]) {
      const limits = { maxControlFrameBytes: 5000 };
      const client = new MachineHarness('client', limits, { compressionLevel: level });
      let size = 5000;
      for (; size > 0; size--) {
        try {
          client.open([
            [
              'a',
              [
                Buffer.alloc(size)
                  .map((_, index) => 33 + ((index * 7919) % 90))
                  .toString(),
              ],
            ],
          ]);
          break;
        } catch {
          continue;
        }
      }
      assert.ok(size > 4800, `${size}`);
      const server = new MachineHarness('server', limits);
      server.receive(client.takeBytes());
      assert.equal(server.streams.size, 1);
    }
  });

  it('answers many pings of one chunk in portions of maxPendingControlFrames', () => {
    const harness = new MachineHarness('server', { maxPendingControlFrames: 10 });
    const bytes = Buffer.concat(Array.from({ length: 35 }, (_, index) => ping(2 * index + 1)));
    let offset = 0;
    const portions: number[] = [];
    while (offset < bytes.length) {
      offset = harness.machine.receive(bytes, offset, 0);
      portions.push(harness.takeOutput().length);
      harness.machine.pendingControlFrames = 0;
    }
    assert.deepEqual(portions, [10, 10, 10, 5]);
  });

  it('tells nobody what was consumed: there are no windows', () => {
    const harness = new MachineHarness('client');
    const stream = harness.open();
    harness.takeOutput();
    const machine: Machine<string, Buffer> = harness.machine;
    const before = machine.pendingControlFrames;
    machine.consumed(stream, 1_000_000, () => harness.now);
    assert.deepEqual(harness.takeOutput(), []);
    assert.equal(machine.pendingControlFrames, before);
  });

  it('counts what users do as activity, and pings not', () => {
    const harness = new MachineHarness();
    const factory = new FrameFactory();
    let before = harness.machine.activity;
    const grew = (run: () => void): boolean => {
      run();
      const grown = harness.machine.activity > before;
      before = harness.machine.activity;
      return grown;
    };
    assert.ok(grew(() => harness.receive(factory.synStream(1))));
    const long = data(1, 'a long frame');
    assert.ok(grew(() => harness.receive(long.subarray(0, 10))));
    assert.ok(
      grew(() => harness.receive(long.subarray(10))),
      'the rest of a frame',
    );
    assert.ok(grew(() => harness.machine.data(harness.stream(1), Buffer.from('x'))));
    assert.ok(!grew(() => harness.receive(ping(1))));
    assert.ok(!grew(() => void harness.machine.ping()));
    assert.ok(!grew(() => harness.receive(ping(2))));
    assert.ok(!grew(() => harness.receive(settings([]), windowUpdate(1, 1))));
    assert.ok(grew(() => harness.receive(rst(1))));
  });

  for (const reason of ['refused', 'cancel', 'frame-too-large'] satisfies ResetReason[]) {
    it(`carries the reset reason ${reason}`, () => {
      const client = new MachineHarness('client');
      const server = new MachineHarness('server');
      client.machine.reset(client.open(), reason);
      server.receive(client.takeBytes());
      assert.ok(server.takeEvents().includes(`reset 1 ${reason}`));
    });
  }
});

/** Each stream opens once, ends at most once, says nothing after it closed, and closes once. */
function checkEvents(events: readonly string[]): void {
  const closed = new Set<string>();
  const once = new Set<string>();
  for (const event of events) {
    const [kind = '', stream = ''] = event.split(' ');
    if (kind === 'pong' || kind === 'goneaway') continue;
    assert.ok(!closed.has(stream), `${event} after it closed`);
    if (kind === 'closed') closed.add(stream);
    if (kind === 'data' || kind === 'headers') assert.ok(!once.has(`ended ${stream}`), `${event} after its end`);
    if (kind === 'opened' || kind === 'ended' || kind === 'accepted') {
      assert.ok(!once.has(`${kind} ${stream}`), `${event} twice`);
      once.add(`${kind} ${stream}`);
    }
  }
}

/** Data events of one stream in a row become one. */
function joinData(events: readonly string[]): string[] {
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
