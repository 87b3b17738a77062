import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { LimitExceededError, ProtocolError } from '../../../../src/errors/index.js';
import type { WireStream, WireStreamState } from '../../../../src/wire/machine.js';
import {
  ACK,
  FIN,
  RST,
  SYN,
  data,
  fin,
  goAway,
  head,
  ping,
  rst,
  syn,
  windowUpdate,
} from '../../../support/yamux-frames.js';
import { joinData, YamuxHarness } from '../../../support/yamux-machine.js';

const id = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 8 }) },
  fc.constantFrom(0, 9, 10, 0x7fffffff, 0x80000001, 0xffffffff, 0xfffffffe),
);
const flags = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, SYN, ACK, FIN, RST) },
  fc.integer({ min: 0, max: 15 }),
  fc.constantFrom(0x10, 0x100, 0xffff),
);
/** A frame that a peer sends, legal or not. */
const input: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 3, arbitrary: id.map((at) => syn(at)) },
  {
    weight: 6,
    arbitrary: fc.tuple(id, fc.constantFrom('', 'x', 'hello'), flags).map(([at, text, flag]) => data(at, text, flag)),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(id, fc.constantFrom(0, 1, 1000, 0xffffffff), flags)
      .map(([at, delta, flag]) => windowUpdate(at, delta, flag)),
  },
  fc.tuple(fc.integer({ min: 0, max: 3 }), flags).map(([value, flag]) => ping(value, flag)),
  fc.constantFrom(0, 1, 2, 3).map(goAway),
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), flags, id, fc.integer({ min: 0, max: 30 }), fc.constantFrom(0, 0, 0, 1))
    .map(([type, flag, at, length, version]) => head(type, flag, at, length, version)),
  fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);
const OWN = ['open', 'accept', 'refuse', 'end', 'data', 'reset', 'ping', 'goAway', 'violated', 'consumed'] as const;
const step = fc.oneof(
  { weight: 3, arbitrary: input.map((bytes) => ({ bytes })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...OWN), fc.nat(5)).map(([own, pick]) => ({ own, pick })) },
);

function act(harness: YamuxHarness, own: (typeof OWN)[number], pick: number): void {
  const { machine } = harness;
  const known = [...harness.streams.values()];
  const stream: WireStream<string> | undefined = known[pick % Math.max(1, known.length)];
  if (own === 'open') harness.open();
  else if (own === 'ping') machine.ping();
  else if (own === 'goAway') machine.goAway();
  else if (stream === undefined) return;
  else if (own === 'accept') machine.accept(stream);
  // Nothing is sent on a stream that is not yet accepted: whoever drives a machine sees to that.
  else if (own === 'end' || own === 'data') {
    if (stream.state === 'offered') return;
    if (own === 'end') machine.end(stream);
    else if (machine.sendable(stream) > 0) machine.data(stream, Buffer.from('d'));
  } else if (own === 'consumed') machine.consumed(stream, 1, () => harness.now);
  else machine[own](stream, 'cancel');
}

describe('YamuxMachine', () => {
  for (const role of ['server', 'client'] as const) {
    it(`${role}: no sequence of frames and calls gives anything but its own errors and sane events`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, acceptAtOnce) => {
          const harness = new YamuxHarness(role);
          if (!acceptAtOnce) harness.onOpened = () => {};
          let sent: string[] = [];
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
            const error = harness.failure(one.bytes);
            if (error === undefined) continue;
            assert.ok(error instanceof ProtocolError || error instanceof LimitExceededError, String(error));
            sent = harness.takeOutput();
            assert.ok(
              sent.some((line) => line.startsWith('GOAWAY')),
              sent.join(),
            );
            break;
          }
          checkEvents(harness.takeEvents());
          checkSent([...sent, ...harness.takeOutput()]);
          for (const stream of harness.streams.values()) harness.machine.reset(stream, 'cancel');
          for (const stream of harness.streams.values()) assert.equal(stream.state, 'closed');
          assert.equal(harness.machine.committed, 0, 'all windows were given back');
        }),
        { numRuns: 3000, seed: 5 },
      );
    });
  }

  it('reads the same from any split of the bytes, down to single ones', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 15 }), fc.array(fc.nat(400)), (inputs, cuts) => {
        const bytes = Buffer.concat(inputs);
        const whole = new YamuxHarness();
        const wholeError = String(whole.failure(bytes));
        const events = joinData(whole.takeEvents());
        const output = whole.takeOutput();
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        for (const places of [at, Array.from({ length: bytes.length + 1 }, (_, index) => index)]) {
          const split = new YamuxHarness();
          let splitError: unknown;
          for (let i = 1; i < places.length && splitError === undefined; i++) {
            splitError = split.failure(bytes.subarray(places[i - 1], places[i]));
          }
          assert.deepEqual(joinData(split.takeEvents()), events);
          assert.deepEqual(split.takeOutput(), output);
          assert.equal(String(splitError), wholeError);
        }
      }),
      { numRuns: 400, seed: 6 },
    );
  });

  it('passes data on without a copy', () => {
    const harness = new YamuxHarness();
    const bytes = Buffer.concat([data(1, 'abc', SYN), data(1, 'defg')]);
    harness.machine.receive(bytes, 0, 0);
    assert.deepEqual(harness.chunks.map(String), ['abc', 'defg']);
    assert.ok(harness.chunks.every((chunk) => chunk.buffer === bytes.buffer));
    const whole = Buffer.from('a chunk that is nothing but data');
    harness.receive(head(0, 0, 1, whole.length));
    harness.machine.receive(whole, 0, 0);
    assert.equal(harness.chunks.at(-1), whole);
  });

  it('stops after the current event when paused, and goes on where it stopped', () => {
    const harness = new YamuxHarness();
    harness.onEvent = () => harness.machine.pause();
    const bytes = Buffer.concat([syn(1), data(1, 'abc'), data(1, 'def', FIN), ping(1)]);
    const stops: number[] = [];
    for (let at = 0; at < bytes.length;) {
      at = harness.machine.receive(bytes, at, 0);
      stops.push(at);
    }
    assert.deepEqual(stops, [12, 27, 42, 54]);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'data 1 "abc"', 'data 1 "def"', 'ended 1']);
  });

  it('answers many pings of one chunk in portions of maxPendingControlFrames', () => {
    const harness = new YamuxHarness('server', { maxPendingControlFrames: 10 });
    const bytes = Buffer.concat(Array.from({ length: 35 }, (_, index) => ping(index)));
    const portions: number[] = [];
    for (let offset = 0; offset < bytes.length;) {
      offset = harness.machine.receive(bytes, offset, 0);
      portions.push(harness.takeOutput().length);
      harness.machine.pendingControlFrames = 0;
    }
    assert.deepEqual(portions, [10, 10, 10, 5]);
  });

  for (const [what, bytes] of [
    ['acknowledgements', Array.from({ length: 30 }, (_, index) => syn(2 * index + 1))],
    [
      'resets of broken streams',
      Array.from({ length: 15 }, (_, index) => [syn(2 * index + 1), fin(2 * index + 1), fin(2 * index + 1)]).flat(),
    ],
  ] as const) {
    it(`${what} count as control frames: reading stops at as many`, () => {
      const harness = new YamuxHarness('server', { maxPendingControlFrames: 8 });
      const all = Buffer.concat(bytes);
      assert.ok(harness.machine.receive(all, 0, 0) < all.length);
      assert.equal(harness.machine.pendingControlFrames, 8);
    });
  }

  it('tells when the head of a frame began to arrive', () => {
    const harness = new YamuxHarness();
    assert.equal(harness.machine.frameBegan, undefined);
    harness.now = 5;
    harness.receive(syn(1).subarray(0, 3));
    harness.now = 7;
    harness.receive(syn(1).subarray(3, 6));
    assert.equal(harness.machine.frameBegan, 5);
    harness.receive(syn(1).subarray(6));
    assert.equal(harness.machine.frameBegan, undefined);
    harness.receive(data(1, 'abc').subarray(0, 13));
    assert.equal(harness.machine.frameBegan, undefined, 'bytes of a stream have no deadline');
  });

  it('counts what users do as activity, and pings not', () => {
    const harness = new YamuxHarness();
    let before = harness.machine.activity;
    const grew = (run: () => void): boolean => {
      run();
      const grown = harness.machine.activity > before;
      before = harness.machine.activity;
      return grown;
    };
    assert.ok(grew(() => harness.receive(syn(1))));
    const long = data(1, 'a long frame');
    assert.ok(grew(() => harness.receive(long.subarray(0, 14))));
    assert.ok(
      grew(() => harness.receive(long.subarray(14))),
      'the rest of a frame',
    );
    assert.ok(grew(() => harness.machine.data(harness.stream(1), Buffer.from('x'))));
    assert.ok(grew(() => harness.receive(windowUpdate(1, 1))));
    assert.ok(!grew(() => harness.receive(ping(1))));
    assert.ok(!grew(() => void harness.machine.ping()));
    assert.ok(!grew(() => harness.receive(ping(0, ACK))));
    assert.ok(!grew(() => harness.receive(windowUpdate(1, 0), data(1))));
    assert.ok(grew(() => harness.receive(rst(1))));
  });
});

describe('YamuxMachine, table of states and frames', () => {
  type Setup = readonly [
    state: WireStreamState,
    localEnded: boolean,
    remoteEnded: boolean,
    make: (harness: YamuxHarness) => number,
  ];
  const setups: Readonly<Record<string, Setup>> = {
    offered: ['offered', false, false, (h) => theirs(h, false)],
    'offered, their FIN': ['offered', false, true, (h) => theirs(h, false, fin(1))],
    opening: ['opening', false, false, (h) => ours(h)],
    'opening, our FIN': ['opening', true, false, (h) => ours(h, true)],
    open: ['open', false, false, (h) => theirs(h, true)],
    'open, ours': ['open', false, false, (h) => ours(h, false, windowUpdate(2, 0, ACK))],
    'open, our FIN': ['open', true, false, (h) => theirs(h, true, undefined, true)],
    'open, their FIN': ['open', false, true, (h) => theirs(h, true, fin(1))],
    closed: ['closed', false, false, (h) => theirs(h, true, rst(1))],
  };
  const frames: Readonly<Record<string, (at: number) => Buffer>> = {
    data: (at) => data(at, 'x'),
    'empty data': (at) => data(at),
    'data fin': (at) => data(at, 'x', FIN),
    'data ack': (at) => data(at, 'x', ACK),
    'window update': (at) => windowUpdate(at, 5),
    'window ack': (at) => windowUpdate(at, 0, ACK),
    fin,
    rst,
    syn,
  };
  /** Events of each frame in each state, `!` where it ends the connection, `r` where we answer with a RST. */
  const DROPPED = '';
  const table: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    offered: {
      data: 'data',
      'data fin': 'data ended',
      'data ack': 'data',
      fin: 'ended',
      rst: 'reset closed',
      syn: '!',
    },
    'offered, their FIN': {
      data: 'r reset closed',
      'data fin': 'r reset closed',
      'data ack': 'r reset closed',
      fin: 'r reset closed',
      rst: 'reset closed',
      syn: '!',
    },
    opening: {
      data: 'accepted data',
      'empty data': 'accepted',
      'data fin': 'accepted data ended',
      'data ack': 'accepted data',
      'window ack': 'accepted',
      fin: 'accepted ended',
      rst: 'reset closed',
      syn: '!',
    },
    'opening, our FIN': {
      data: 'accepted data',
      'empty data': 'accepted',
      'data fin': 'accepted data ended closed',
      'data ack': 'accepted data',
      'window ack': 'accepted',
      fin: 'accepted ended closed',
      rst: 'reset closed',
      syn: '!',
    },
    open: { data: 'data', 'data fin': 'data ended', 'data ack': 'data', fin: 'ended', rst: 'reset closed', syn: '!' },
    'open, ours': {
      data: 'data',
      'data fin': 'data ended',
      'data ack': 'data',
      fin: 'ended',
      rst: 'reset closed',
      syn: '!',
    },
    'open, our FIN': {
      data: 'data',
      'data fin': 'data ended closed',
      'data ack': 'data',
      fin: 'ended closed',
      rst: 'reset closed',
      syn: '!',
    },
    'open, their FIN': {
      data: 'r reset closed',
      'data fin': 'r reset closed',
      'data ack': 'r reset closed',
      fin: 'r reset closed',
      rst: 'reset closed',
      syn: '!',
    },
    closed: { syn: '!' },
  };

  for (const [name, [state, localEnded, remoteEnded, make]] of Object.entries(setups)) {
    for (const [frame, bytes] of Object.entries(frames)) {
      const expected = table[name]?.[frame] ?? DROPPED;
      it(`${name} × ${frame}: ${expected === DROPPED ? 'nothing' : expected}`, () => {
        const harness = new YamuxHarness();
        const at = make(harness);
        const stream = harness.stream(at);
        assert.deepEqual([stream.state, stream.localEnded, stream.remoteEnded], [state, localEnded, remoteEnded]);
        harness.takeOutput();
        harness.takeEvents();
        const error = harness.failure(bytes(at));
        const output = harness.takeOutput();
        const happened = harness.takeEvents().map((event) => event.split(' ')[0]);
        if (output.includes(`WINDOW ${at} rst 0`)) happened.unshift('r');
        if (error !== undefined) happened.push('!');
        assert.equal(happened.join(' '), expected);
        if (expected === DROPPED) assert.deepEqual(output, []);
      });
    }
  }

  function theirs(harness: YamuxHarness, accept: boolean, then?: Buffer, end = false): number {
    if (!accept) harness.onOpened = () => {};
    harness.receive(syn(1));
    if (then !== undefined) harness.receive(then);
    if (end) harness.machine.end(harness.stream(1));
    return 1;
  }

  function ours(harness: YamuxHarness, end = false, then?: Buffer): number {
    const stream = harness.open();
    if (end) harness.machine.end(stream);
    if (then !== undefined) harness.receive(then);
    return stream.id;
  }
});

describe('YamuxMachine, budgets', () => {
  it('resets of streams in service are counted, and those after our FIN are not', () => {
    const harness = new YamuxHarness('server', { resetBurst: 3, resetsPerSecond: 0 });
    for (let at = 1; at < 41; at += 2) {
      harness.receive(syn(at));
      harness.machine.end(harness.stream(at));
      harness.receive(rst(at));
    }
    for (const at of [41, 43, 45]) harness.receive(syn(at), rst(at));
    const error = harness.failure(syn(47), rst(47));
    assert.ok(error instanceof LimitExceededError && error.limit === 'resetBurst', String(error));
  });

  it('frames for streams that are over cost nothing: hashicorp/yamux sends window updates to them', () => {
    const harness = new YamuxHarness('server', { emptyFrameBurst: 1, emptyFramesPerSecond: 0 });
    harness.open();
    harness.receive(syn(1), rst(1), rst(2));
    for (let i = 0; i < 1000; i++)
      harness.receive(windowUpdate(1, 9), data(1, 'x'), fin(1), windowUpdate(2, 9), data(2, 'x'));
  });

  for (const [what, frame] of [
    ['empty data', data(1)],
    ['empty data with ACK', data(1, '', ACK)],
    ['window updates of 0', windowUpdate(1, 0)],
    ['window updates of 0 with ACK', windowUpdate(1, 0, ACK)],
    ['window updates of 0 with a flag that is not defined', windowUpdate(1, 0, 0x10)],
    ['data for a stream that never was', data(77, 'x')],
    ['window updates for a stream of ours that never was', windowUpdate(2, 5)],
    ['go aways', goAway(0)],
  ] as const) {
    it(`${what} are counted`, () => {
      const harness = new YamuxHarness('server', { emptyFrameBurst: 5, emptyFramesPerSecond: 2 });
      harness.receive(syn(1));
      for (let i = 0; i < 5; i++) harness.receive(frame);
      harness.now = 500;
      harness.receive(frame);
      const error = harness.failure(frame);
      assert.ok(error instanceof LimitExceededError && error.limit === 'emptyFrameBurst', String(error));
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
    if (kind === 'data') assert.ok(!once.has(`ended ${stream}`), `${event} after its end`);
    if (kind === 'opened' || kind === 'ended' || kind === 'accepted') {
      assert.ok(!once.has(`${kind} ${stream}`), `${event} twice`);
      once.add(`${kind} ${stream}`);
    }
  }
}

/** Of each stream we say SYN or ACK first and once, FIN and RST at most once, and nothing after RST, no data after FIN. */
function checkSent(lines: readonly string[]): void {
  const said = new Map<string, Set<string>>();
  for (const line of lines) {
    const match = /^(DATA|WINDOW) (\d+) ((?:syn|ack|fin|rst)(?:\+\w+)*)?/.exec(line);
    if (match === null) continue;
    const [, type = '', stream = '', names = ''] = match;
    const before = said.get(stream) ?? new Set<string>();
    said.set(stream, before);
    assert.ok(!before.has('rst'), `${line} after RST`);
    if (type === 'DATA') assert.ok(!before.has('fin'), `${line} after FIN`);
    for (const name of names.split('+').filter((one) => one !== '')) {
      assert.ok(!before.has(name), `${line}: twice`);
      before.add(name);
    }
    assert.ok(before.has('syn') || before.has('ack') || before.has('rst'), `${line} before SYN or ACK`);
  }
}
