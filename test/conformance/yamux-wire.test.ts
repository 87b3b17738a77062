import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ACK,
  FIN,
  INITIAL_WINDOW,
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
} from '../support/yamux-frames.js';
import { YamuxHarness } from '../support/yamux-machine.js';
import { check, hex } from './yamux-wire-support.js';

// Sections 8 to 11 are in yamux-wire-session.test.ts.

describe('1 Framing', () => {
  check('1.1 "Version (8 bits), Type (8 bits), Flags (16 bits), StreamID (32 bits), Length (32 bits)"', {
    input: [hex('00 00 0001 00000001 00000003 616263')],
    events: ['opened 1', 'data 1 "abc"'],
    output: ['WINDOW 1 ack 0'],
  });
  check('1.2 "All fields are encoded in network order (big endian)"', {
    input: [hex('00 01 0001 00000101 00000000'), hex('00 00 0004 00000101 00000001 78')],
    events: ['opened 257', 'data 257 "x"', 'ended 257'],
  });
  it('1.3 our own frames: every field', () => {
    const harness = new YamuxHarness('client', {
      streamBufferBytes: INITIAL_WINDOW + 0x10203,
      receiveBudgetBytes: 2 ** 28,
    });
    const stream = harness.open();
    harness.machine.data(stream, Buffer.from('abc'));
    harness.machine.end(stream);
    harness.machine.ping();
    harness.machine.goAway();
    assert.equal(
      harness.takeBytes().toString('hex'),
      [
        '000100010000000100010203',
        '000000000000000100000003616263',
        '000100040000000100000000',
        '000200010000000000000000',
        '000300000000000000000000',
      ].join(''),
    );
  });
});

describe('2 Version Field', () => {
  for (const version of [1, 2, 0x80, 0xff]) {
    check(`2.1 "the field is always set to 0": ${version} ends the connection`, {
      input: [head(2, SYN, 0, 7, version)],
      ends: new RegExp(`version ${version}`),
      events: [],
      output: [],
    });
  }
  check('2.2 also behind good frames, whose work is done', {
    input: [syn(1), ping(7), head(1, 0, 1, 1, 1)],
    events: ['opened 1'],
    output: ['WINDOW 1 ack 0', 'PING ack 7'],
    ends: /version 1/,
  });
});

describe('3 Type Field', () => {
  for (const type of [4, 5, 0x10, 0xff]) {
    check(`3.1 (session.go) type ${type} ends the connection`, { input: [head(type, 0, 0, 0)], ends: /type/ });
  }
  check('3.2 "0x0 Data. May transmit zero length payloads depending on the flags"', {
    input: [syn(1), data(1, '', FIN)],
    events: ['opened 1', 'ended 1'],
  });
  check('3.3 "0x1 Window Update" has no payload: the next frame follows at once', {
    input: [syn(1), windowUpdate(1, 3), data(1, 'abc')],
    events: ['opened 1', 'data 1 "abc"'],
  });
  check('3.4 "0x2 Ping" has none either, whatever its length says', {
    input: [ping(0xffffffff), ping(3)],
    output: ['PING ack 4294967295', 'PING ack 3'],
  });
  check('3.5 "0x3 Go Away" has none either', {
    input: [goAway(0), ping(3)],
    events: ['goneaway'],
    output: ['PING ack 3'],
  });
});

describe('4 Flag Field', () => {
  check('4.1 "0x1 SYN. May be sent with a data or window update message": data', {
    input: [data(1, 'first', SYN)],
    events: ['opened 1', 'data 1 "first"'],
    output: ['WINDOW 1 ack 0'],
  });
  check('4.2 window update', { input: [syn(1)], events: ['opened 1'], output: ['WINDOW 1 ack 0'] });
  check('4.3 "0x2 ACK. May be sent with a data or window update message": window update', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 0, ACK)],
    events: ['accepted 1'],
    output: [],
  });
  check('4.4 data', { role: 'client', opened: 1, input: [data(1, 'x', ACK)], events: ['accepted 1', 'data 1 "x"'] });
  check('4.5 "0x4 FIN. May be sent with a data message or window update": data, whose bytes come before the end', {
    input: [syn(1), data(1, 'last', FIN)],
    events: ['opened 1', 'data 1 "last"', 'ended 1'],
  });
  check('4.6 window update', { input: [syn(1), fin(1)], events: ['opened 1', 'ended 1'] });
  check('4.7 "0x8 RST. May be sent with a data or window update message": window update', {
    input: [syn(1), rst(1)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    output: ['WINDOW 1 ack 0'],
  });
  check("4.8 data, whose bytes are nobody's", {
    input: [syn(1), data(1, 'lost', RST), ping(1)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    output: ['WINDOW 1 ack 0', 'PING ack 1'],
  });
  check('4.9 SYN and FIN in one frame, with data: opened, bytes, ended', {
    input: [data(1, 'all', SYN | FIN)],
    events: ['opened 1', 'data 1 "all"', 'ended 1'],
  });
  check('4.10 SYN and FIN in one frame without data', {
    input: [windowUpdate(1, 0, SYN | FIN)],
    events: ['opened 1', 'ended 1'],
  });
  check('4.11 (stream.go) ACK and FIN in one frame, as the library answers a stream it closes at once', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 0, ACK | FIN)],
    events: ['accepted 1', 'ended 1'],
  });
  check('4.12 ACK, FIN and data', {
    role: 'client',
    opened: 1,
    input: [data(1, 'bye', ACK | FIN)],
    events: ['accepted 1', 'data 1 "bye"', 'ended 1'],
  });
  check('4.13 SYN and RST in one frame: never was', { input: [windowUpdate(1, 0, SYN | RST)], events: [], output: [] });
  check('4.14 SYN, RST and data', { input: [data(1, 'x', SYN | RST), ping(1)], events: [], output: ['PING ack 1'] });
  check('4.15 ACK and RST in one frame: reset', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 0, ACK | RST)],
    events: ['reset 1 refused', 'closed 1'],
    output: [],
  });
  check('4.16 FIN and RST in one frame: reset', {
    input: [syn(1), data(1, 'x', FIN | RST)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
  });
  check('4.17 flags that nobody has defined are ignored', {
    input: [windowUpdate(1, 0, SYN | 0xfff0), data(1, 'x', 0x0100), ping(7, SYN | 0x40)],
    events: ['opened 1', 'data 1 "x"'],
    output: ['WINDOW 1 ack 0', 'PING ack 7'],
  });
  check('4.18 a second ACK changes nothing', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 0, ACK), windowUpdate(1, 5, ACK), data(1, 'x', ACK)],
    events: ['accepted 1', 'data 1 "x"'],
    output: [],
  });
  check('4.19 an ACK on a stream of theirs changes nothing', {
    input: [syn(1), windowUpdate(1, 0, ACK), data(1, 'x', ACK)],
    events: ['opened 1', 'data 1 "x"'],
    output: ['WINDOW 1 ack 0'],
  });
});

describe('5 StreamID Field', () => {
  check('5.1 "The client side should use odd ID\'s, and the server even": a server takes odd ids', {
    input: [syn(1), syn(3)],
    events: ['opened 1', 'opened 3'],
  });
  check('5.2 a client takes even ids', { role: 'client', input: [syn(2), syn(4)], events: ['opened 2', 'opened 4'] });
  check('5.3 an even id from a client ends the connection', {
    input: [syn(2)],
    events: [],
    output: [],
    ends: /stream 2/,
  });
  check('5.4 an odd id from a server ends the connection', {
    role: 'client',
    input: [syn(1)],
    events: [],
    ends: /stream 1/,
  });
  check('5.5 ... also with data', { input: [data(2, 'x', SYN)], events: [], ends: /stream 2/ });
  check('5.6 "the 0 ID is reserved to represent the session": no data', {
    input: [data(0, 'x', SYN)],
    events: [],
    ends: /stream 0/,
  });
  check('5.7 no window update', { input: [windowUpdate(0, 1)], events: [], ends: /stream 0/ });
  check('5.8 no RST', { input: [rst(0)], events: [], ends: /stream 0/ });
  check(
    '5.9 (session.go) "Both Ping and Go Away messages should always use the 0 StreamID"; another is not looked at',
    {
      input: [head(2, SYN, 5, 9), head(3, 0, 5, 0)],
      events: ['goneaway'],
      output: ['PING ack 9'],
    },
  );
  check('5.10 gaps are allowed', {
    input: [syn(1), syn(7), syn(0xffffffff)],
    events: ['opened 1', 'opened 7', 'opened 4294967295'],
  });
  check('5.11 (session.go) the library takes an id and sends SYN in two steps: ids overtake each other', {
    input: [syn(5), syn(1), syn(3), syn(9), syn(7)],
    events: [5, 1, 3, 9, 7].map((id) => `opened ${id}`),
    output: [5, 1, 3, 9, 7].map((id) => `WINDOW ${id} ack 0`),
  });
  check('5.12 (session.go) the id of an open stream again ends the connection', {
    input: [syn(1), syn(1)],
    events: ['opened 1'],
    ends: /stream 1/,
  });
  check('5.13 the id of a stream that is over again ends the connection', {
    input: [syn(1), rst(1), syn(1)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    ends: /stream 1/,
  });
  check('5.14 ... also of one that was opened late', {
    input: [syn(5), syn(3), syn(3)],
    events: ['opened 5', 'opened 3'],
    ends: /stream 3/,
  });
  check('5.15 all 32 bits count', {
    input: [syn(0x80000001), data(0x80000001, 'x'), data(1, 'y')],
    events: ['opened 2147483649', 'data 2147483649 "x"'],
  });
  it('5.16 our own: odd from 1 as client, even from 2 as server', () => {
    for (const [role, first] of [
      ['client', 1],
      ['server', 2],
    ] as const) {
      const harness = new YamuxHarness(role);
      assert.deepEqual([harness.open().id, harness.open().id], [first, first + 2]);
    }
  });
  it('5.17 our own go on past 2^31 to the last, and then there are none', () => {
    for (const [role, last] of [
      ['client', 2 ** 32 - 1],
      ['server', 2 ** 32 - 2],
    ] as const) {
      const harness = new YamuxHarness(role, {}, { firstStreamId: last - 2 });
      assert.deepEqual([harness.open().id, harness.open().id], [last - 2, last]);
      assert.throws(() => harness.open(), { code: 'ERR_STREAMS_EXHAUSTED' });
      assert.deepEqual(harness.takeOutput(), [`WINDOW ${last - 2} syn 0`, `WINDOW ${last} syn 0`]);
      harness.receive(windowUpdate(last, 0, ACK), data(last - 2, 'x', ACK));
      assert.deepEqual(harness.takeEvents(), [`accepted ${last}`, `accepted ${last - 2}`, `data ${last - 2} "x"`]);
    }
  });
});

describe('6 Opening a stream', () => {
  check(
    '6.1 "an initial data or window update frame is sent with a new StreamID. The SYN flag should be set": a frame without is dropped',
    {
      input: [data(1, 'early'), windowUpdate(1, 7), fin(1), syn(1)],
      events: ['opened 1'],
      output: ['WINDOW 1 ack 0'],
    },
  );
  check('6.2 "The receiver must then reply with ... the ACK flag": nothing before we do', {
    unreplied: true,
    input: [syn(1)],
    events: ['opened 1'],
    output: [],
  });
  check('6.3 "a connection can begin sending data once the SYN flag is sent": it is kept until our reply', {
    unreplied: true,
    input: [syn(1), data(1, 'early', FIN)],
    events: ['opened 1', 'data 1 "early"', 'ended 1'],
    output: [],
  });
  it('6.4 the ACK is sent once', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1));
    harness.machine.accept(harness.stream(1));
    harness.machine.data(harness.stream(1), Buffer.from('x'));
    harness.machine.end(harness.stream(1));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'DATA 1 "x"', 'WINDOW 1 fin 0']);
  });
  it('6.5 "or with the RST flag to reject the stream"', () => {
    const harness = new YamuxHarness();
    harness.onOpened = (stream) => harness.machine.refuse(stream, 'refused');
    harness.receive(syn(1), data(1, 'under way'), fin(1), syn(3));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 rst 0', 'WINDOW 3 rst 0']);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'closed 1', 'opened 3', 'closed 3']);
  });
  it('6.6 a stream that is refused in the frame that opened it leaves nothing of that frame', () => {
    const harness = new YamuxHarness();
    harness.onOpened = (stream) => harness.machine.refuse(stream, 'refused');
    harness.receive(data(1, 'x', SYN | FIN), ping(1));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 rst 0', 'PING ack 1']);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'closed 1']);
  });
  check('6.7 "a connection being rejected after data has been sent already": a RST before the ACK is a refusal', {
    role: 'client',
    opened: 2,
    input: [rst(1), rst(3)],
    events: ['reset 1 refused', 'closed 1', 'reset 3 refused', 'closed 3'],
    output: [],
  });
  check('6.8 a RST after the ACK is a reset', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 0, ACK), rst(1)],
    events: ['accepted 1', 'reset 1 cancel', 'closed 1'],
    output: [],
  });
  check('6.9 data without ACK says as much as an ACK', {
    role: 'client',
    opened: 1,
    input: [data(1, 'x')],
    events: ['accepted 1', 'data 1 "x"'],
  });
  check('6.10 a window update without ACK does not', {
    role: 'client',
    opened: 1,
    input: [windowUpdate(1, 9)],
    events: [],
  });
  it('6.11 our own first frame is SYN on a window update, or on data that travels with it', () => {
    const harness = new YamuxHarness('client');
    harness.open();
    harness.machine.openWith(Buffer.from('first'), 'x');
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 syn 0', 'DATA 3 syn "first"']);
  });
  it('6.12 ours may send and end before the reply', () => {
    const harness = new YamuxHarness('client');
    const stream = harness.open();
    harness.machine.data(stream, Buffer.from('x'));
    harness.machine.end(stream);
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 syn 0', 'DATA 1 "x"', 'WINDOW 1 fin 0']);
    harness.receive(windowUpdate(1, 0, ACK | FIN));
    assert.deepEqual(harness.takeEvents(), ['accepted 1', 'ended 1', 'closed 1']);
  });
  it('6.13 headers have no place here', () => {
    const harness = new YamuxHarness('client');
    assert.throws(() => harness.machine.open([['a', ['b']]], 'x'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(harness.machine.output.length, 0);
  });
  it('6.14 a reply to a stream that is over is not sent', () => {
    const harness = new YamuxHarness();
    harness.onOpened = () => {};
    harness.receive(syn(1), rst(1));
    harness.machine.accept(harness.stream(1));
    harness.machine.refuse(harness.stream(1), 'refused');
    assert.deepEqual(harness.takeOutput(), []);
  });
});

describe('7 Closing a stream', () => {
  check(
    '7.1 "a half-close indicating the sender will send no further data": more data ends that stream, not the connection',
    {
      input: [syn(1), fin(1), data(1, 'more'), syn(3)],
      events: ['opened 1', 'ended 1', 'reset 1 stream-already-closed', 'closed 1', 'opened 3'],
      output: ['WINDOW 1 ack 0', 'WINDOW 1 rst 0', 'WINDOW 3 ack 0'],
    },
  );
  check('7.2 (stream.go: the library ends the session) a second FIN ends that stream', {
    input: [syn(1), fin(1), fin(1), syn(3)],
    events: ['opened 1', 'ended 1', 'reset 1 stream-already-closed', 'closed 1', 'opened 3'],
    output: ['WINDOW 1 ack 0', 'WINDOW 1 rst 0', 'WINDOW 3 ack 0'],
  });
  check('7.3 a second FIN on data does, too', {
    input: [syn(1), data(1, '', FIN), data(1, '', FIN)],
    events: ['opened 1', 'ended 1', 'reset 1 stream-already-closed', 'closed 1'],
  });
  check('7.4 after FIN, a window update still counts: its sender goes on reading', {
    input: [syn(1), fin(1), windowUpdate(1, 1000)],
    events: ['opened 1', 'ended 1'],
    output: ['WINDOW 1 ack 0'],
  });
  it('7.5 "Once both sides have closed the connection, the stream is closed", in either order', () => {
    for (const first of ['ours', 'theirs']) {
      const harness = new YamuxHarness();
      harness.receive(syn(1));
      if (first === 'ours') harness.machine.end(harness.stream(1));
      harness.receive(fin(1));
      if (first === 'theirs') harness.machine.end(harness.stream(1));
      assert.equal(harness.takeEvents().at(-1), 'closed 1');
      assert.equal(harness.stream(1).state, 'closed');
      assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'WINDOW 1 fin 0']);
    }
  });
  it('7.6 after our FIN the peer goes on sending, and we go on opening its window', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1));
    harness.machine.end(harness.stream(1));
    harness.receive(data(1, Buffer.alloc(INITIAL_WINDOW)));
    harness.takeOutput();
    harness.consume(1, INITIAL_WINDOW);
    assert.ok(harness.takeOutput().includes(`WINDOW 1 ${INITIAL_WINDOW}`));
  });
  it('7.7 FIN is sent once, and nothing after it', () => {
    const harness = new YamuxHarness();
    harness.receive(syn(1));
    harness.machine.end(harness.stream(1));
    harness.machine.end(harness.stream(1));
    harness.machine.data(harness.stream(1), Buffer.from('late'));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'WINDOW 1 fin 0']);
  });
  it('7.8 "the RST flag can be used to hard close a stream immediately": ours is sent once, and nothing after it', () => {
    const harness = new YamuxHarness();
    const frame = data(1, 'abcdef');
    harness.receive(syn(1), frame.subarray(0, 15));
    harness.machine.reset(harness.stream(1), 'cancel');
    harness.machine.reset(harness.stream(1), 'cancel');
    harness.machine.end(harness.stream(1));
    harness.machine.data(harness.stream(1), Buffer.from('late'));
    harness.consume(1, INITIAL_WINDOW);
    harness.receive(frame.subarray(15), data(1, 'under way'), fin(1), rst(1), windowUpdate(1, 5), syn(3));
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'WINDOW 1 rst 0', 'WINDOW 3 ack 0']);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'data 1 "abc"', 'closed 1', 'opened 3']);
  });
  check('7.9 a RST is never answered by one', { input: [syn(1), rst(1), rst(1), rst(99)], output: ['WINDOW 1 ack 0'] });
  check(
    '7.10 frames for a stream that is over are dropped without an answer (stream.go goes on sending window updates)',
    {
      input: [syn(1), rst(1), data(1, 'under way'), windowUpdate(1, 9), data(1, '', FIN), ping(1)],
      events: ['opened 1', 'reset 1 cancel', 'closed 1'],
      output: ['WINDOW 1 ack 0', 'PING ack 1'],
    },
  );
  check('7.11 before our reply RST takes the stream back', {
    unreplied: true,
    input: [syn(1), data(1, 'x'), rst(1)],
    events: ['opened 1', 'data 1 "x"', 'reset 1 cancel', 'closed 1'],
    output: [],
  });
  it('7.12 FIN both ways before our reply: open until it is given', () => {
    const harness = new YamuxHarness();
    harness.onOpened = () => {};
    harness.receive(data(1, 'all', SYN | FIN));
    assert.equal(harness.stream(1).state, 'offered');
    harness.machine.accept(harness.stream(1));
    harness.machine.end(harness.stream(1));
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'data 1 "all"', 'ended 1', 'closed 1']);
    assert.deepEqual(harness.takeOutput(), ['WINDOW 1 ack 0', 'WINDOW 1 fin 0']);
  });
});
