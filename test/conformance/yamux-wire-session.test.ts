import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ACK,
  FIN,
  INITIAL_WINDOW,
  SYN,
  data,
  goAway,
  head,
  ping,
  rst,
  syn,
  windowUpdate,
} from '../support/yamux-frames.js';
import { joinData, YamuxHarness } from '../support/yamux-machine.js';
import { check, hex } from './yamux-wire-support.js';

// Sections 1 to 7 are in yamux-wire.test.ts.

describe('8 Flow Control', () => {
  check('8.1 "each stream with a 256KB window size": as much may come before we say anything', {
    input: [syn(1), data(1, Buffer.alloc(INITIAL_WINDOW)), syn(3), data(3, Buffer.alloc(INITIAL_WINDOW))],
    output: ['WINDOW 1 ack 0', 'WINDOW 3 ack 0'],
  });
  check('8.2 in one frame with the SYN', {
    input: [data(1, Buffer.alloc(INITIAL_WINDOW), SYN)],
    output: ['WINDOW 1 ack 0'],
  });
  check('8.3 (stream.go) one byte more ends the connection', {
    input: [syn(1), data(1, Buffer.alloc(INITIAL_WINDOW)), data(1, 'x')],
    ends: /window of stream 1/,
  });
  check('8.4 one byte more in the frame with the SYN, too, and no stream was made', {
    input: [data(1, Buffer.alloc(INITIAL_WINDOW + 1), SYN)],
    events: [],
    ends: /window of stream 1/,
  });
  check('8.5 one byte more on a stream of ours', {
    role: 'client',
    opened: 1,
    input: [data(1, Buffer.alloc(INITIAL_WINDOW + 1), ACK)],
    ends: /window of stream 1/,
  });
  check('8.6 a length of 4 GiB - 1 is refused by its head', {
    input: [syn(1), head(0, 0, 1, 0xffffffff)],
    ends: /window/,
  });
  check('8.7 for a stream that is over no window holds', {
    input: [syn(1), rst(1), data(1, Buffer.alloc(INITIAL_WINDOW + 1)), ping(1)],
    output: ['WINDOW 1 ack 0', 'PING ack 1'],
  });
  it('8.8 "Both sides should track the number of bytes sent in Data frames only"', () => {
    const harness = new YamuxHarness('client');
    const stream = harness.open();
    assert.equal(harness.machine.sendable(stream), INITIAL_WINDOW);
    harness.machine.data(stream, Buffer.alloc(1000));
    harness.machine.ping();
    assert.equal(harness.machine.sendable(stream), INITIAL_WINDOW - 1000);
    harness.receive(windowUpdate(1, 77, ACK));
    assert.equal(harness.machine.sendable(stream), INITIAL_WINDOW - 923);
  });
  it('8.9 "immediately send a window update as part of the SYN/ACK indicating a larger window": theirs', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1, 1000), windowUpdate(3, 0xffffffff - INITIAL_WINDOW, SYN));
    assert.equal(harness.machine.sendable(harness.stream(1)), INITIAL_WINDOW + 1000);
    assert.equal(harness.machine.sendable(harness.stream(3)), 0xffffffff);
    const client = new YamuxHarness('client');
    client.open();
    client.receive(windowUpdate(1, 1000, ACK));
    assert.equal(client.machine.sendable(client.stream(1)), INITIAL_WINDOW + 1000);
  });
  it('8.10 ours, with SYN and with ACK', () => {
    const limits = { streamBufferBytes: INITIAL_WINDOW + 5000, receiveBudgetBytes: 2 ** 28 };
    const client = new YamuxHarness('client', limits);
    client.open();
    assert.deepEqual(client.takeOutput(), ['WINDOW 1 syn 5000']);
    const server = new YamuxHarness('server', limits);
    server.receive(syn(1), data(1, Buffer.alloc(INITIAL_WINDOW + 5000)));
    assert.deepEqual(server.takeOutput(), ['WINDOW 1 ack 5000']);
    assert.match(String(server.failure(data(1, 'x'))), /window/);
  });
  it('8.11 a used-up window that opens again is told once', () => {
    const harness = new YamuxHarness('client');
    const stream = harness.open();
    harness.machine.data(stream, Buffer.alloc(INITIAL_WINDOW));
    assert.equal(harness.machine.sendable(stream), 0);
    harness.receive(windowUpdate(1, 0, ACK));
    assert.deepEqual(harness.takeEvents(), ['accepted 1']);
    harness.receive(windowUpdate(1, 10), windowUpdate(1, 10));
    assert.deepEqual(harness.takeEvents(), ['writable 1']);
    assert.equal(harness.machine.sendable(stream), 20);
  });
  check('8.12 a window past 2^32-1 ends the connection', {
    input: [syn(1), windowUpdate(1, 0xffffffff - INITIAL_WINDOW), windowUpdate(1, 1)],
    ends: /window of stream 1/,
  });
  check('8.13 on the SYN, too, and no stream was made', {
    input: [windowUpdate(1, 0xffffffff - INITIAL_WINDOW + 1, SYN)],
    events: [],
    ends: /window of stream 1/,
  });
  check('8.14 a window update of 0 changes nothing', { input: [syn(1), windowUpdate(1, 0)], events: ['opened 1'] });
  it('8.15 windows open on what was consumed, not on what came; at half', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1), data(1, Buffer.alloc(INITIAL_WINDOW)));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0']);
    harness.consume(1, INITIAL_WINDOW / 2 - 1);
    assert.deepEqual(harness.takeOutput(), []);
    harness.consume(1, 1);
    // Whoever measures the round trip may ask beside.
    const updates = harness.takeOutput().filter((line) => !line.startsWith('PING'));
    assert.deepEqual(updates, [`WINDOW 1 ${INITIAL_WINDOW / 2}`]);
    assert.equal(harness.failure(data(1, Buffer.alloc(INITIAL_WINDOW / 2))), undefined);
    assert.match(String(harness.failure(data(1, 'x'))), /window/);
  });
  it('8.16 no window is opened that cannot be used: after FIN, after the stream is over', () => {
    const harness = new YamuxHarness();
    harness.receive(
      data(1, Buffer.alloc(INITIAL_WINDOW), SYN | FIN),
      data(3, Buffer.alloc(INITIAL_WINDOW), SYN),
      rst(3),
    );
    harness.takeOutput();
    harness.consume(1, INITIAL_WINDOW);
    harness.consume(3, INITIAL_WINDOW);
    assert.deepEqual(harness.takeOutput(), []);
  });
});

describe('9 Ping', () => {
  check('9.1 "sent with a ping to indicate outbound": SYN asks, and "an opaque value, echoed back" answers with ACK', {
    input: [hex('00 02 0001 00000000 deadbeef')],
    events: [],
    output: ['PING ack 3735928559'],
  });
  for (const [what, flags] of [
    ['9.2 ACK answers', ACK],
    ['9.3 (session.go) a ping without flags is taken for an answer', 0],
  ] as const) {
    it(`${what}; one that nobody has asked for is dropped`, () => {
      const harness = new YamuxHarness();
      harness.machine.ping();
      harness.takeOutput();
      harness.receive(ping(5, flags), ping(0, flags));
      assert.deepEqual(harness.takeEvents(), ['pong 0']);
      assert.deepEqual(harness.takeOutput(), []);
    });
  }
  check('9.4 (session.go) with both flags it asks', {
    input: [ping(5, SYN | ACK)],
    events: [],
    output: ['PING ack 5'],
  });
  it('9.5 ours count up from 0', () => {
    const harness = new YamuxHarness();
    assert.deepEqual([harness.machine.ping(), harness.machine.ping()], [0, 1]);
    assert.deepEqual(harness.takeOutput(), ['PING syn 0', 'PING syn 1']);
  });
  check('9.6 many in one chunk are answered in order', {
    input: Array.from({ length: 300 }, (_, index) => ping(index)),
    output: Array.from({ length: 300 }, (_, index) => `PING ack ${index}`),
  });
});

describe('10 Session termination', () => {
  check('10.1 "0x0 Normal termination": no more streams, but open ones go on', {
    input: [syn(1), goAway(0), data(1, 'still', FIN)],
    events: ['opened 1', 'goneaway', 'data 1 "still"', 'ended 1'],
  });
  for (const [code, what] of [
    [1, 'protocol error'],
    [2, 'internal error'],
    [3, 'code 3'],
    [0xffffffff, 'code 4294967295'],
  ] as const) {
    it(`10.2 (session.go) code ${code} gives up the connection: ${what}`, () => {
      const harness = new YamuxHarness();
      assert.equal(harness.failure(goAway(code)), undefined);
      const [event] = harness.takeEvents();
      assert.match(event ?? '', new RegExp(`^goneaway .*${what}`));
    });
  }
  it('10.3 ours has code 0, and is sent once', () => {
    const harness = new YamuxHarness();
    harness.machine.goAway();
    harness.machine.goAway();
    assert.deepEqual(harness.takeOutput(), ['GOAWAY 0']);
  });
  it('10.4 ours has code 2 for an internal error', () => {
    const harness = new YamuxHarness();
    harness.machine.goAway('internal-error');
    assert.deepEqual(harness.takeOutput(), ['GOAWAY 2']);
  });
  it('10.5 (session.go) after ours a stream is refused, and those that are open go on', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1));
    harness.machine.goAway();
    harness.receive(syn(3), data(5, 'x', SYN), data(1, 'still'));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'GOAWAY 0', 'WINDOW 3 rst 0', 'WINDOW 5 rst 0']);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'data 1 "still"']);
  });
  check('10.6 a broken rule is answered by code 1, and nothing of what follows is read', {
    input: [head(9, 0, 0, 0), syn(1)],
    events: [],
    output: [],
    ends: /type 9/,
  });
});

describe('11 bytes in pieces', () => {
  const script: readonly Buffer[] = [
    syn(1),
    data(1, 'hello'),
    ping(7),
    data(3, 'world', SYN | FIN),
    windowUpdate(1, 99),
    data(1, '', FIN),
    goAway(0),
  ];
  it('11.1 a cut at every place gives the same', () => {
    const bytes = Buffer.concat(script);
    const whole = new YamuxHarness();
    whole.receive(bytes);
    const expected = joinData(whole.takeEvents());
    const output = whole.takeOutput();
    for (let cut = 1; cut < bytes.length; cut++) {
      const harness = new YamuxHarness();
      harness.receive(bytes.subarray(0, cut));
      harness.receive(bytes.subarray(cut));
      assert.deepEqual([joinData(harness.takeEvents()), harness.takeOutput()], [expected, output], `cut at ${cut}`);
    }
  });
  it('11.2 byte by byte', () => {
    const harness = new YamuxHarness();
    for (const byte of Buffer.concat(script)) harness.receive(Buffer.of(byte));
    assert.deepEqual(joinData(harness.takeEvents()), [
      'opened 1',
      'data 1 "hello"',
      'opened 3',
      'data 3 "world"',
      'ended 3',
      'ended 1',
      'goneaway',
    ]);
  });
});
