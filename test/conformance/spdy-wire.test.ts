import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync, constants } from 'node:zlib';
import { DICTIONARY } from '../../src/wire/spdy/dictionary.js';
import {
  FIN,
  FrameFactory,
  UNIDIRECTIONAL,
  ZLIB_HEAD,
  control,
  data,
  goAway,
  headerBlock,
  ping,
  rst,
  settings,
  windowUpdate,
  words,
} from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';

/** One numbered case: bytes in, frames and events out. */
interface Case {
  readonly role?: 'client' | 'server';
  /** Streams of ours that are open(ing) before. */
  readonly opened?: number;
  /** Streams of the peer are left without a reply. */
  readonly unreplied?: boolean;
  readonly input: (peer: FrameFactory) => readonly Buffer[];
  readonly events?: readonly string[];
  readonly output?: readonly string[];
  /** Matches the error that ends the connection; a GOAWAY with a protocol error leaves then. */
  readonly ends?: RegExp;
}

/**
 * Sections are those of draft-mbelshe-httpbis-spdy-00 (SPDY/3); `spdystream` names the file of moby/spdystream whose
 * behaviour is followed where it differs.
 */
function check(name: string, one: Case): void {
  it(name, () => {
    const harness = new MachineHarness(one.role ?? 'server');
    if (one.unreplied === true) harness.onOpened = () => {};
    for (let i = 0; i < (one.opened ?? 0); i++) harness.open();
    harness.takeOutput();
    const error = harness.failure(...one.input(new FrameFactory()));
    if (one.ends === undefined) {
      assert.equal(error, undefined);
    } else {
      assert.match(String(error), one.ends);
      assert.ok(error instanceof Error && 'initiator' in error && error.initiator === 'remote');
    }
    const output = harness.takeOutput();
    if (one.ends !== undefined) assert.match(output.at(-1) ?? '', /^GOAWAY \d+ 1$/);
    if (one.output !== undefined) assert.deepEqual(one.ends === undefined ? output : output.slice(0, -1), one.output);
    if (one.events !== undefined) assert.deepEqual(harness.takeEvents(), one.events);
  });
}

describe('1 frame layout', () => {
  check('1.1 (2.2.2) a DATA frame is id, flags, 24-bit length, bytes', {
    input: (peer) => [peer.synStream(1), Buffer.from('0000000100000003616263', 'hex')],
    events: ['opened 1', 'data 1 "abc"'],
    output: ['SYN_REPLY 1'],
  });
  check('1.2 (2.2.1) frames say version 3, whatever the upgrade token says', {
    input: () => [control(6, 0, words(1), 2)],
    ends: /version 2, expected 3/,
  });
  check('1.3 (2.2.1, spdystream spdy/read.go) an unknown control frame type ends the connection', {
    input: () => [control(10, 0, words(1))],
    ends: /unknown control frame type 10/,
  });
  check('1.4 (spdystream spdy/read.go) type 5, the old NOOP, is unknown', {
    input: () => [control(5, 0, words())],
    ends: /type 5/,
  });
  check('1.5 control type 0 is unknown', { input: () => [control(0, 0, words(1))], ends: /type 0/ });
  check('1.6 CREDENTIAL (2.6.9) is not part of this dialect', {
    input: () => [control(10, 0, words(0))],
    ends: /type 10/,
  });
  for (const [frame, bytes] of [
    ['DATA', (): Buffer => data(0, 'x')],
    ['SYN_STREAM', (peer: FrameFactory): Buffer => peer.synStream(0)],
    ['SYN_REPLY', (peer: FrameFactory): Buffer => peer.synReply(0)],
    ['HEADERS', (peer: FrameFactory): Buffer => peer.headers(0)],
    ['RST_STREAM', (): Buffer => rst(0)],
  ] as const) {
    check(`1.7 (spdystream spdy/read.go) stream id 0 is refused in ${frame}`, {
      input: (peer) => [bytes(peer)],
      ends: /on stream 0/,
    });
  }
  check('1.8 (2.6) the top bit of a stream id is reserved and ignored', {
    input: (peer) => {
      const frame = peer.synStream(1);
      frame[8] = 0x80;
      return [frame];
    },
    events: ['opened 1'],
    output: ['SYN_REPLY 1'],
  });
});

describe('2 SYN_STREAM (2.6.1)', () => {
  check('2.1 opens a stream with its headers, priority ignored', {
    input: (peer) => [
      peer.synStream(
        1,
        [
          ['streamtype', 'error'],
          ['port', '80\x0081'],
        ],
        0,
        7,
      ),
    ],
    events: ['opened 1 streamtype=error port=80|81'],
    output: ['SYN_REPLY 1'],
  });
  check('2.2 (2.3.2) ids rise, gaps are allowed', {
    input: (peer) => [peer.synStream(1), peer.synStream(7), peer.synStream(9)],
    events: ['opened 1', 'opened 7', 'opened 9'],
    output: ['SYN_REPLY 1', 'SYN_REPLY 7', 'SYN_REPLY 9'],
  });
  check(
    '2.3 (2.3.2, spdystream connection.go) an id that goes back is answered RST PROTOCOL_ERROR, the connection lives',
    {
      input: (peer) => [peer.synStream(5), rst(5), peer.synStream(3), peer.synStream(5), peer.synStream(7)],
      events: ['opened 5', 'reset 5 cancel', 'closed 5', 'opened 7'],
      output: ['SYN_REPLY 5', 'RST_STREAM 3 1', 'RST_STREAM 5 1', 'SYN_REPLY 7'],
    },
  );
  check('2.4 (2.3.2) the id of an open stream ends that stream on both sides', {
    input: (peer) => [peer.synStream(1), peer.synStream(1), data(1, 'x')],
    events: ['opened 1', 'reset 1 protocol-error', 'closed 1'],
    output: ['SYN_REPLY 1', 'RST_STREAM 1 1'],
  });
  check('2.5 (2.3.2; spdystream does not check) an id of the wrong parity is answered RST PROTOCOL_ERROR', {
    input: (peer) => [peer.synStream(2), peer.synStream(1)],
    events: ['opened 1'],
    output: ['RST_STREAM 2 1', 'SYN_REPLY 1'],
  });
  check('2.6 (2.3.2) a client takes even ids', {
    role: 'client',
    input: (peer) => [peer.synStream(2), peer.synStream(3)],
    events: ['opened 2'],
    output: ['SYN_REPLY 2', 'RST_STREAM 3 1'],
  });
  check('2.7 FLAG_FIN: the peer sends nothing more', {
    input: (peer) => [peer.synStream(1, [], FIN)],
    events: ['opened 1', 'ended 1'],
    output: ['SYN_REPLY 1'],
  });
  check('2.8 FLAG_UNIDIRECTIONAL: our side is finished from the start', {
    input: (peer) => [peer.synStream(1, [], UNIDIRECTIONAL), data(1, 'x', FIN)],
    events: ['opened 1', 'data 1 "x"', 'ended 1', 'closed 1'],
  });
  check('2.9 both flags: over at once', {
    input: (peer) => [peer.synStream(1, [], FIN | UNIDIRECTIONAL)],
    events: ['opened 1', 'ended 1', 'closed 1'],
  });
  check('2.10 shorter than its fixed fields', {
    input: () => [control(1, 0, words(1, 0))],
    ends: /SYN_STREAM of 8 bytes/,
  });
  it('2.11 (spdystream connection.go) after our GOAWAY a SYN_STREAM is dropped, its headers still decoded', () => {
    const harness = new MachineHarness();
    const peer = new FrameFactory();
    harness.machine.goAway();
    harness.receive(peer.synStream(1, [['a', 'b']]), peer.synStream(3));
    assert.deepEqual(harness.takeOutput(), ['GOAWAY 0 0']);
    assert.deepEqual(harness.takeEvents(), []);
  });
});

describe('3 SYN_REPLY (2.6.2)', () => {
  check('3.1 accepts our stream', {
    role: 'client',
    opened: 1,
    input: (peer) => [peer.synReply(1)],
    events: ['accepted 1'],
    output: [],
  });
  check('3.2 FLAG_FIN ends their direction', {
    role: 'client',
    opened: 1,
    input: (peer) => [peer.synReply(1, [], FIN)],
    events: ['accepted 1', 'ended 1'],
  });
  check('3.3 (spdystream connection.go) for an unknown stream it is dropped, its headers still decoded', {
    role: 'client',
    opened: 1,
    input: (peer) => [peer.synReply(77, [['a', 'b']]), peer.synReply(1, [['c', 'd']])],
    events: ['accepted 1'],
    output: [],
  });
  check('3.4 a second reply changes nothing', {
    role: 'client',
    opened: 1,
    input: (peer) => [peer.synReply(1), peer.synReply(1)],
    events: ['accepted 1'],
    output: [],
  });
  check('3.5 shorter than an id', {
    role: 'client',
    input: () => [control(2, 0, Buffer.alloc(3))],
    ends: /SYN_REPLY of 3 bytes/,
  });
  it('3.6 (spdystream stream.go) our own reply has no headers and no flags', () => {
    const harness = new MachineHarness();
    harness.receive(new FrameFactory().synStream(1));
    const bytes = harness.takeBytes();
    assert.equal(bytes.subarray(0, 5).toString('hex'), '8003000200');
    assert.equal(bytes.subarray(8, 12).toString('hex'), '00000001');
    // zlib head, a stored block of four bytes that say "no headers", the empty block of the flush.
    assert.equal(bytes.subarray(14).toString('hex'), 'e3c6a7c2000400fbff00000000000000ffff');
  });
});

describe('4 DATA (2.2.2)', () => {
  check('4.1 FLAG_FIN with bytes: bytes, then the end', {
    input: (peer) => [peer.synStream(1), data(1, 'abc', FIN)],
    events: ['opened 1', 'data 1 "abc"', 'ended 1'],
  });
  check('4.2 FLAG_FIN without bytes is the half-close', {
    input: (peer) => [peer.synStream(1), data(1, '', FIN)],
    events: ['opened 1', 'ended 1'],
  });
  check('4.3 (spdystream connection.go) for a stream that never was it is dropped, without a RST', {
    input: () => [data(5, 'abc'), data(6, 'abc', FIN)],
    events: [],
    output: [],
  });
  check('4.4 for a stream that is over it is dropped', {
    input: (peer) => [peer.synStream(1), rst(1), data(1, 'under way'), data(1, '', FIN)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    output: ['SYN_REPLY 1'],
  });
  check('4.5 on their stream before our reply it is kept (spdystream drops it)', {
    unreplied: true,
    input: (peer) => [peer.synStream(1), data(1, 'early')],
    events: ['opened 1', 'data 1 "early"'],
    output: [],
  });
  check('4.6 (2.3.3) on our stream before their reply it ends that stream with PROTOCOL_ERROR', {
    role: 'client',
    opened: 2,
    input: (peer) => [data(1, 'too early'), peer.synReply(3), data(3, 'x')],
    events: ['reset 1 protocol-error', 'closed 1', 'accepted 3', 'data 3 "x"'],
    output: ['RST_STREAM 1 1'],
  });
  check('4.7 (2.3.6) after their FIN it ends that stream with STREAM_ALREADY_CLOSED', {
    input: (peer) => [peer.synStream(1), data(1, '', FIN), data(1, 'more'), peer.synStream(3)],
    events: ['opened 1', 'ended 1', 'reset 1 stream-already-closed', 'closed 1', 'opened 3'],
    output: ['SYN_REPLY 1', 'RST_STREAM 1 9', 'SYN_REPLY 3'],
  });
  check('4.8 the largest frame that 24 bits can say is taken', {
    input: (peer) => [peer.synStream(1), data(1, Buffer.alloc(2 ** 24 - 1))],
    output: ['SYN_REPLY 1'],
  });
  it('4.9 FIN both ways: the stream is forgotten, in either order', () => {
    for (const first of ['ours', 'theirs']) {
      const harness = new MachineHarness();
      harness.receive(new FrameFactory().synStream(1));
      if (first === 'ours') harness.machine.end(harness.stream(1));
      harness.receive(data(1, '', FIN));
      if (first === 'theirs') harness.machine.end(harness.stream(1));
      assert.equal(harness.takeEvents().at(-1), 'closed 1');
      assert.deepEqual(harness.takeOutput(), ['SYN_REPLY 1', 'DATA 1 "" fin']);
    }
  });
  it('4.10 nothing is written after our FIN', () => {
    const harness = new MachineHarness();
    harness.receive(new FrameFactory().synStream(1));
    harness.machine.end(harness.stream(1));
    harness.machine.data(harness.stream(1), Buffer.from('late'));
    harness.machine.end(harness.stream(1));
    assert.deepEqual(harness.takeOutput(), ['SYN_REPLY 1', 'DATA 1 "" fin']);
  });
});

describe('5 RST_STREAM (2.6.3)', () => {
  check('5.1 ends both directions; (2.4.2) it is never answered by one', {
    input: (peer) => [peer.synStream(1), rst(1, 5)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    output: ['SYN_REPLY 1'],
  });
  [
    'protocol-error',
    'invalid-stream',
    'refused',
    'unsupported-version',
    'cancel',
    'internal-error',
    'flow-control-error',
    'stream-in-use',
    'stream-already-closed',
    'invalid-credentials',
    'frame-too-large',
    'internal-error',
  ].forEach((reason, index) =>
    check(`5.2 status ${index + 1} means ${reason}`, {
      role: 'client',
      opened: 1,
      input: () => [rst(1, index + 1)],
      events: [`reset 1 ${reason}`, 'closed 1'],
      output: [],
    }),
  );
  check('5.3 status 0 is invalid', { input: (peer) => [peer.synStream(1), rst(1, 0)], ends: /status 0/ });
  check('5.4 for an unknown stream it is dropped', { input: () => [rst(99)], events: [], output: [] });
  check('5.5 flags must be 0', { input: () => [rst(1, 5, 1)], ends: /RST_STREAM with flags/ });
  check('5.6 length must be 8', { input: () => [control(3, 0, words(1))], ends: /RST_STREAM of 4 bytes/ });
  check('5.7 before our reply it takes the stream back', {
    unreplied: true,
    input: (peer) => [peer.synStream(1), rst(1)],
    events: ['opened 1', 'reset 1 cancel', 'closed 1'],
    output: [],
  });
  it('5.8 ours is sent once, carries the code, and the rest of a frame under way is dropped', () => {
    const harness = new MachineHarness();
    const peer = new FrameFactory();
    const frame = data(1, 'abcdef');
    harness.receive(peer.synStream(1), frame.subarray(0, 11));
    harness.machine.reset(harness.stream(1), 'refused');
    harness.machine.reset(harness.stream(1), 'cancel');
    harness.receive(frame.subarray(11), peer.synStream(3));
    assert.deepEqual(harness.takeOutput(), ['SYN_REPLY 1', 'RST_STREAM 1 3', 'SYN_REPLY 3']);
    assert.deepEqual(harness.takeEvents(), ['opened 1', 'data 1 "abc"', 'closed 1', 'opened 3']);
  });
});

describe('6 SETTINGS (2.6.4) and WINDOW_UPDATE (2.6.8): read and without effect', () => {
  check('6.1 SETTINGS in the middle of a session', {
    input: (peer) => [
      settings([
        [4, 100],
        [7, 65_536],
      ]),
      peer.synStream(1),
      settings([]),
    ],
    events: ['opened 1'],
    output: ['SYN_REPLY 1'],
  });
  check('6.2 a count that the length does not bear', {
    input: () => [settings([[4, 1]], 2)],
    ends: /claims 2 entries/,
  });
  check('6.3 a frame too short for its count', { input: () => [control(4, 0, Buffer.alloc(3))], ends: /too short/ });
  check('6.4 SETTINGS with the clear flag', { input: () => [control(4, 1, words(0))], output: [] });
  check('6.5 WINDOW_UPDATE for streams known or not', {
    input: (peer) => [windowUpdate(1, 65_536), peer.synStream(1), windowUpdate(1, 0x7fffffff), windowUpdate(0, 1)],
    events: ['opened 1'],
    output: ['SYN_REPLY 1'],
  });
  check('6.6 WINDOW_UPDATE with flags', { input: () => [windowUpdate(1, 1, 1)], ends: /WINDOW_UPDATE with flags/ });
  check('6.7 WINDOW_UPDATE of another length', {
    input: () => [control(9, 0, words(1))],
    ends: /WINDOW_UPDATE of 4 bytes/,
  });
  it('6.8 sending waits for no WINDOW_UPDATE', () => {
    const harness = new MachineHarness();
    harness.receive(new FrameFactory().synStream(1));
    for (let i = 0; i < 10; i++) harness.machine.data(harness.stream(1), Buffer.alloc(65_536));
    assert.ok(harness.machine.output.length > 655_360);
  });
});

describe('7 PING (2.6.5)', () => {
  check('7.1 a ping of their parity is echoed as it is', {
    input: () => [ping(1), ping(0x7fffffff)],
    events: [],
    output: ['PING 1', 'PING 2147483647'],
  });
  check('7.2 a ping of our parity is an answer', { input: () => [ping(2)], events: ['pong 2'], output: [] });
  check('7.3 at the client the other way round', {
    role: 'client',
    input: () => [ping(1), ping(2)],
    events: ['pong 1'],
    output: ['PING 2'],
  });
  check('7.4 id 0 is refused', { input: () => [ping(0)], ends: /id 0/ });
  check('7.5 flags must be 0', { input: () => [ping(1, 1)], ends: /PING with flags/ });
  check('7.6 length must be 4', { input: () => [control(6, 0, words(1, 1))], ends: /PING of 8 bytes/ });
  check('7.7 is answered beside open streams', {
    input: (peer) => [peer.synStream(1), ping(1)],
    output: ['SYN_REPLY 1', 'PING 1'],
  });
});

describe('8 GOAWAY (2.6.6)', () => {
  check('8.1 is reported with the last id that the peer took', {
    role: 'client',
    opened: 2,
    input: () => [goAway(1)],
    events: ['goneaway 1'],
    output: [],
  });
  check('8.2 streams that are open go on', {
    input: (peer) => [peer.synStream(1), goAway(0), data(1, 'still'), data(1, '', FIN)],
    events: ['opened 1', 'goneaway 0', 'data 1 "still"', 'ended 1'],
  });
  check('8.3 length must be 8', { input: () => [control(7, 0, words(1))], ends: /GOAWAY of 4 bytes/ });
  check('8.4 flags must be 0', { input: () => [goAway(1, 0, 1)], ends: /GOAWAY with flags/ });
  it('8.5 ours names the last stream of theirs, with status 0, once', () => {
    const harness = new MachineHarness();
    const peer = new FrameFactory();
    harness.receive(peer.synStream(1), peer.synStream(5), peer.synStream(2));
    harness.machine.goAway();
    harness.machine.goAway();
    assert.deepEqual(harness.takeOutput().slice(2), ['RST_STREAM 2 1', 'GOAWAY 5 0']);
  });
});

describe('9 HEADERS (2.6.7)', () => {
  check('9.1 more headers on an open stream', {
    input: (peer) => [peer.synStream(1), peer.headers(1, [['a', 'b']]), peer.headers(1, [['c', 'd']], FIN)],
    events: ['opened 1', 'headers 1 a=b', 'headers 1 c=d', 'ended 1'],
  });
  check('9.2 for an unknown stream: dropped, still decoded', {
    input: (peer) => [peer.headers(9, [['a', 'b']]), peer.synStream(1, [['a', 'b']])],
    events: ['opened 1 a=b'],
  });
  check('9.3 after their FIN: STREAM_ALREADY_CLOSED', {
    input: (peer) => [peer.synStream(1, [], FIN), peer.headers(1)],
    events: ['opened 1', 'ended 1', 'reset 1 stream-already-closed', 'closed 1'],
    output: ['SYN_REPLY 1', 'RST_STREAM 1 9'],
  });
});

describe('10 header blocks (2.6.10)', () => {
  check('10.1 names are lower case on the wire; an upper-case one ends the connection', {
    input: (peer) => [peer.synStream(1, [['streamType', 'x']])],
    ends: /not in lower case/,
  });
  for (const name of ['connection', 'host', 'keep-alive', 'proxy-connection', 'transfer-encoding']) {
    check(`10.2 (spdystream spdy/types.go) the name ${name} ends the connection`, {
      input: (peer) => [peer.synStream(1, [[name, 'x']])],
      ends: /not allowed/,
    });
  }
  check('10.3 a name twice', {
    input: (peer) => [
      peer.synStream(1, [
        ['a', '1'],
        ['a', '2'],
      ]),
    ],
    ends: /stands twice/,
  });
  check('10.4 an empty name', { input: (peer) => [peer.synStream(1, [['', '1']])], ends: /empty/ });
  check('10.5 a count past the block', {
    input: (peer) => [peer.synStreamBlock(1, headerBlock([['a', 'b']], 2))],
    ends: /ends inside a length/,
  });
  check('10.6 bytes behind the last header', {
    input: (peer) => [peer.synStreamBlock(1, headerBlock([['a', 'b']], 0))],
    ends: /left over/,
  });
  check('10.7 no zlib head on the first block', {
    input: () => [
      control(1, 0, Buffer.concat([words(1, 0), Buffer.alloc(2), Buffer.from('000400fbff00000000000000ffff', 'hex')])),
    ],
    ends: /zlib head|too short/,
  });
  it('10.8 the context lasts over SYN_STREAM, SYN_REPLY and HEADERS, also of streams that are refused or unknown', () => {
    const harness = new MachineHarness('server');
    harness.open();
    harness.takeOutput();
    let window = DICTIONARY;
    const pack = (fields: readonly (readonly [string, string])[]): Buffer => {
      const block = headerBlock(fields);
      const first = window === DICTIONARY ? ZLIB_HEAD : Buffer.alloc(0);
      const packed = deflateRawSync(block, { level: 9, dictionary: window, finishFlush: constants.Z_SYNC_FLUSH });
      window = Buffer.concat([window, block]).subarray(-32_768);
      return Buffer.concat([first, packed]);
    };
    const text: readonly (readonly [string, string])[] = [
      ['streamtype', 'a value that is long enough to be referred to later'],
    ];
    harness.receive(
      control(1, 0, Buffer.concat([words(4, 0), Buffer.alloc(2), pack(text)])),
      control(2, 0, Buffer.concat([words(44), pack(text)])),
      control(8, 0, Buffer.concat([words(55), pack(text)])),
      control(1, 0, Buffer.concat([words(3, 0), Buffer.alloc(2), pack(text)])),
    );
    assert.deepEqual(harness.takeEvents(), [`opened 3 ${text[0]?.join('=')}`]);
  });
  it('10.9 values travel as UTF-8, several of a name joined by NUL', () => {
    const harness = new MachineHarness('client');
    harness.open([['a', ['1', 'é', '']]]);
    assert.ok(harness.takeBytes().includes(Buffer.from('00000001610000000531 00c3a900'.replace(' ', ''), 'hex')));
  });
});
