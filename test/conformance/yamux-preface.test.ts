import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StreamResetError } from '../../src/errors/index.js';
import type { IncomingStream, Stream } from '../../src/httpstream/index.js';
import { duplexPair } from '../../src/testing/index.js';
import {
  newYamuxClientConnection,
  newYamuxServerConnection,
  type YamuxConnectionOptions,
} from '../../src/yamux/index.js';
import {
  ACK,
  FIN,
  INITIAL_WINDOW,
  RST,
  SYN,
  data,
  fin,
  parseFrames,
  rst,
  syn,
  windowUpdate,
} from '../support/yamux-frames.js';
import { ACCEPTED, block, pack, preface, readRefusal, refusal, type PrefaceFields } from '../support/yamux-preface.js';
import { rawPeer, turns, until } from '../support/yamux-raw.js';
import { client, reset, server } from './yamux-preface-support.js';
import { hex } from './yamux-wire-support.js';

// Numbered cases for the preface of docs/wire/yamux.md, as bytes. Sections 3 and 4 are in yamux-preface-bounds.test.ts.

const ack = (id: number): string => `DATA ${id} ack "\\u0000"`;

describe('1 the opener', () => {
  it('1.1 01, a 16-bit length, a map of names to lists of values', async () => {
    const { connection, peer, frames, seen } = server();
    const bytes = hex('01 000c 82 a161 92 a131 a132 a162 90');
    bytes[2] = bytes.length - 3;
    peer.write(data(1, bytes, SYN));
    await until(() => seen.streams.length === 1);
    assert.deepEqual(seen.headers(), [['a', ['1', '2']]]);
    await turns();
    assert.deepEqual(frames(), [ack(1)]);
    await connection.close();
  });

  it('1.2 an empty map is 01 00 01 80', async () => {
    const { connection, peer, seen } = server();
    peer.write(data(1, hex('01000180'), SYN));
    await until(() => seen.streams.length === 1);
    assert.deepEqual(seen.headers(), []);
    await connection.close();
  });

  it('1.3 ours is the first data frame, with SYN; data follows without waiting', async () => {
    const { connection, frames } = client();
    const stream = connection.openStream({ B: ['1', 'é'], a: '' });
    stream.end('early');
    await until(() => frames().length === 3);
    const first = preface([
      ['b', ['1', 'é']],
      ['a', ['']],
    ]);
    assert.deepEqual(frames(), [
      `DATA 1 syn ${JSON.stringify(first.toString('latin1'))}`,
      'DATA 1 "early"',
      'WINDOW 1 fin 0',
    ]);
    await connection.close();
  });

  for (const [what, frames] of [
    ['in the frame with SYN', (all: Buffer) => [data(1, all, SYN)]],
    ['behind a SYN of its own', (all: Buffer) => [syn(1), data(1, all)]],
    [
      'in two frames, cut inside the head',
      (all: Buffer) => [data(1, all.subarray(0, 2), SYN), data(1, all.subarray(2))],
    ],
    [
      'in two frames, cut inside the body',
      (all: Buffer) => [data(1, all.subarray(0, 6), SYN), data(1, all.subarray(6))],
    ],
    ['a byte per frame', (all: Buffer) => [syn(1), ...[...all].map((byte) => data(1, Buffer.of(byte)))]],
    ['with the end in the same frame', (all: Buffer) => [data(1, all, SYN | FIN)]],
  ] as const) {
    it(`1.4 ${what}, with data behind it`, async () => {
      const { connection, peer, seen } = server();
      const all = Buffer.concat([preface([['name', ['value']]]), Buffer.from('and data')]);
      peer.write(Buffer.concat(frames(all)));
      if (!what.includes('end')) peer.write(fin(1));
      await until(() => seen.texts[0] === 'and data.');
      assert.deepEqual(seen.headers(), [['name', ['value']]]);
      await connection.close();
    });
  }

  it('1.5 names may come in any case; they are the same name', async () => {
    const { connection, peer, seen } = server();
    peer.write(data(1, preface([['Name', ['value']]]), SYN));
    await until(() => seen.streams.length === 1);
    assert.equal(seen.streams[0]?.headers.get('NAME'), 'value');
    await connection.close();
  });

  it('1.6 numbers of any msgpack size are lengths, not meanings: long strings, arrays and maps', async () => {
    const { connection, peer, seen } = server();
    const fields: PrefaceFields = [
      ['long', ['x'.repeat(40_000)]],
      ...Array.from({ length: 40 }, (_, index) => [`n${index}`, ['1', '2']] as const),
      ['many', Array.from({ length: 20 }, String)],
    ];
    peer.write(data(1, preface(fields), SYN));
    await until(() => seen.streams.length === 1);
    assert.equal(seen.headers().length, 42);
    assert.deepEqual(seen.streams[0]?.headers.getAll('many').length, 20);
    await connection.close();
  });

  it('1.7 what the preface took of the window is given back', async () => {
    const { connection, peer, frames, seen } = server();
    const first = preface([['a', ['x'.repeat(60_000)]]]);
    peer.write(data(1, first, SYN));
    await until(() => seen.streams.length === 1);
    peer.write(data(1, Buffer.alloc(INITIAL_WINDOW - first.length)));
    await until(() => frames().some((line) => /^WINDOW 1 \d+$/.test(line)));
    const granted = frames()
      .filter((line) => /^WINDOW 1 \d+$/.test(line))
      .reduce((sum, line) => sum + Number(line.split(' ')[2]), 0);
    assert.ok(granted >= INITIAL_WINDOW / 2, `${granted}`);
    await connection.close();
  });
});

describe('2 the acceptor', () => {
  it('2.1 00 accepts: it is one byte in the frame with ACK', async () => {
    const { connection, peer, frames, seen } = server();
    peer.write(data(1, preface(), SYN));
    await until(() => frames().length === 1);
    seen.streams[0]?.write('data');
    await until(() => frames().length === 2);
    assert.deepEqual(frames(), [ack(1), 'DATA 1 "data"']);
    await connection.close();
  });

  for (const [what, frames] of [
    ['00 with ACK', [data(1, Buffer.concat([ACCEPTED, Buffer.from('data')]), ACK | FIN)]],
    ['ACK first, then 00', [windowUpdate(1, 0, ACK), data(1, ACCEPTED), data(1, 'data', FIN)]],
    ['00 without ACK', [data(1, ACCEPTED), data(1, 'data', FIN)]],
  ] as const) {
    it(`2.2 ${what}: accepted, what follows is data`, async () => {
      const { connection, peer } = client();
      const creating = connection.createStream({ a: 'b' });
      await turns(2);
      peer.write(Buffer.concat(frames));
      const stream = await creating;
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      assert.equal(text, 'data');
      await connection.close();
    });
  }

  it('2.3 an ACK alone is no answer yet', async () => {
    const { connection, peer } = client();
    const stream = connection.openStream({});
    let accepted = false;
    void stream.accepted.then(() => (accepted = true));
    await turns(2);
    peer.write(windowUpdate(1, 0, ACK));
    await turns();
    assert.equal(accepted, false);
    peer.write(data(1, ACCEPTED));
    await until(() => accepted);
    await connection.close();
  });

  for (const [what, answer] of [
    ['in one frame', [data(1, refusal('invalid-credentials', 'who are you?'), ACK | FIN)]],
    [
      'a byte per frame',
      [...refusal('invalid-credentials', 'who are you?')].map((byte) => data(1, Buffer.of(byte), ACK)),
    ],
  ] as const) {
    it(`2.4 01 refuses, with reason and message: ${what}`, async () => {
      const { connection, peer, frames } = client();
      const creating = connection.createStream({});
      await turns(2);
      peer.write(Buffer.concat(answer));
      await assert.rejects(creating, (error) => {
        assert.ok(error instanceof StreamResetError);
        assert.deepEqual([error.reason, error.initiator], ['invalid-credentials', 'remote']);
        assert.match(error.message, /who are you\?/);
        return true;
      });
      assert.equal(connection.streams.size, 0);
      // The acceptor may forget the stream now.
      await until(() => frames().some((line) => line === reset(1) || line === 'WINDOW 1 fin 0'));
      await connection.close();
    });
  }

  it('2.5 ours: 01, reason and message, then FIN; then nothing until the opener has taken note', async () => {
    const { connection, peer, frames } = rawPeer('server', (stream) => stream.refuse('refused', 'no room today'), {
      headers: true,
    });
    const before: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => before.push(chunk));
    peer.write(data(1, Buffer.concat([preface(), Buffer.from('early')]), SYN));
    await until(() => frames().length === 2);
    const [answer, end] = parseFrames(Buffer.concat(before));
    assert.equal(answer?.flags, ACK);
    assert.deepEqual(readRefusal(answer?.payload ?? Buffer.alloc(0)), ['refused', 'no room today']);
    assert.deepEqual([end?.type, end?.flags], [1, FIN]);
    assert.equal(connection.streams.size, 0);
    peer.write(Buffer.concat([data(1, 'more that was under way'), rst(1), data(3, preface(), SYN)]));
    await until(() => frames().length === 4);
    assert.ok(!frames().includes(reset(1)));
    await connection.close();
  });

  it('2.6 an opener that ends instead is done, too', async () => {
    const { connection, peer, frames } = rawPeer('server', (stream) => stream.refuse(), { headers: true });
    peer.write(Buffer.concat([data(1, preface(), SYN), fin(1)]));
    await until(() => frames().length === 2);
    await turns();
    assert.ok(!frames().includes(reset(1)));
    await connection.close();
  });

  it('2.7 a handler that throws refuses, without telling what it threw', async () => {
    const { connection, peer, frames } = rawPeer(
      'server',
      () => {
        throw new Error('secret');
      },
      { headers: true },
    );
    peer.write(data(1, preface(), SYN));
    await until(() => frames().length > 0);
    await turns();
    assert.ok(!frames().join().includes('secret'), frames().join());
    assert.equal(connection.streams.size, 0);
    await connection.close();
  });

  for (const [what, answer] of [
    ['an unknown reason reads as refused', refusal('because', 'x')],
    ['a reason named as a property of every object reads as refused', refusal('constructor', 'x')],
  ] as const) {
    it(`2.8 ${what}`, async () => {
      const { connection, peer } = client();
      const creating = connection.createStream({});
      await turns(2);
      peer.write(data(1, answer, ACK | FIN));
      await assert.rejects(creating, (error) => error instanceof StreamResetError && error.reason === 'refused');
      await connection.close();
    });
  }

  it('2.9 a message is cleaned of control characters, and cut at 1,024', async () => {
    const { connection, peer } = client();
    const creating = connection.createStream({});
    await turns(2);
    peer.write(data(1, refusal('refused', `a\r\nb\0c\x1b[31m${'x'.repeat(5000)}`), ACK | FIN));
    await assert.rejects(creating, (error) => {
      assert.ok(error instanceof Error);
      assert.ok([...error.message].every((character) => character >= ' ' && character !== '\x7f'));
      assert.ok(error.message.length < 1200);
      return true;
    });
    await connection.close();
  });

  it('2.10 a plain RST instead of an answer is a refusal without words', async () => {
    for (const answer of [[rst(1)], [windowUpdate(1, 0, ACK), rst(1)], [windowUpdate(1, 0, ACK | RST)]]) {
      const { connection, peer } = client();
      const creating = connection.createStream({});
      await turns(2);
      peer.write(Buffer.concat(answer));
      await assert.rejects(creating, (error) => error instanceof StreamResetError && error.reason === 'refused');
      await connection.close();
    }
  });

  for (const [what, answer] of [
    ['an unknown first byte', [data(1, Buffer.from([7]), ACK)]],
    ['a refusal that is no list', [data(1, block(1, pack('refused')), ACK)]],
    ['a refusal of three parts', [data(1, block(1, pack(['refused', 'a', 'b'])), ACK)]],
    ['a refusal of numbers', [data(1, block(1, pack([1, 2])), ACK)]],
    ['a refusal that is no msgpack', [data(1, block(1, hex('c1')), ACK)]],
    ['a refusal longer than maxHeaderBytes', [data(1, Buffer.from([1, 0xff, 0xff]), ACK)]],
    ['the end instead of an answer', [windowUpdate(1, 0, ACK | FIN)]],
    ['the end inside the answer', [data(1, Buffer.from([1, 0]), ACK | FIN)]],
  ] as const) {
    it(`2.11 ${what}: that stream fails, the connection lives`, async () => {
      const { connection, peer, frames } = client({ limits: { maxHeaderBytes: 1000 } });
      const creating = connection.createStream({});
      await turns(2);
      peer.write(Buffer.concat(answer));
      await assert.rejects(creating, (error) => error instanceof StreamResetError);
      await until(() => frames().includes(reset(1)));
      const next = connection.createStream({});
      await turns(2);
      peer.write(data(3, ACCEPTED, ACK));
      await next;
      await connection.close();
    });
  }
});

describe('5 versions', () => {
  for (const version of [0, 2, 0x80, 0xff]) {
    it(`5.1 a preface that begins with ${version}: refused with unsupported-version, and the words to it`, async () => {
      const { connection, peer, frames, seen } = server();
      const chunks: Buffer[] = [];
      peer.on('data', (chunk: Buffer) => chunks.push(chunk));
      peer.write(data(1, Buffer.concat([Buffer.of(version), preface().subarray(1), Buffer.from('data')]), SYN));
      await until(() => frames().length === 2);
      const [answer] = parseFrames(Buffer.concat(chunks));
      const [reason, message] = readRefusal(answer?.payload ?? Buffer.alloc(0)) as string[];
      assert.equal(reason, 'unsupported-version');
      assert.match(message ?? '', /version 1/);
      assert.equal(seen.streams.length, 0);
      peer.write(Buffer.concat([rst(1), data(3, preface(), SYN)]));
      await until(() => seen.streams.length === 1);
      await connection.close();
    });
  }

  it('5.2 a plain client that says GET: refused like any other version', async () => {
    const { connection, peer, frames, seen } = server();
    peer.write(data(1, 'GET / HTTP/1.1\r\n\r\n', SYN));
    await until(() => frames().length === 2);
    assert.match(frames()[0] ?? '', /unsupported-version/);
    assert.equal(seen.streams.length, 0);
    await connection.close();
  });
});

describe('6 both ends ours', () => {
  const pair = (
    handler: (stream: IncomingStream) => void | Promise<void>,
    options: YamuxConnectionOptions = {},
  ): { client: ReturnType<typeof newYamuxClientConnection>; stop: () => Promise<void> } => {
    const [left, right] = duplexPair();
    const ends = {
      client: newYamuxClientConnection(left, { pingPeriod: 0, ...options }),
      server: newYamuxServerConnection(right, handler, { pingPeriod: 0, ...options }),
    };
    return {
      client: ends.client,
      stop: async () => {
        await ends.client.close();
        await ends.server.closed;
        assert.equal(ends.server.streams.size, 0);
      },
    };
  };
  const textOf = async (stream: Stream): Promise<string> => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };

  it('6.1 early data is there when the handler gets the stream, before any answer', async () => {
    const { client: ours, stop } = pair(async (stream) => {
      stream.deferReply();
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      stream.accept();
      stream.end(text.toUpperCase());
    });
    const stream = ours.openStream({ a: 'b' });
    stream.end('said before the reply');
    assert.equal(await textOf(stream), 'SAID BEFORE THE REPLY');
    await stop();
  });

  it('6.2 a refusal with early data in flight: the reason arrives, whatever was sent', async () => {
    const { client: ours, stop } = pair((stream) => stream.refuse('invalid-credentials', 'who are you?'));
    const streams = Array.from({ length: 40 }, () => {
      const stream = ours.openStream({});
      stream.end(Buffer.alloc(100_000));
      return stream;
    });
    for (const stream of streams) {
      await assert.rejects(stream.accepted, /who are you\?/);
      await assert.rejects(
        textOf(stream),
        (error) => error instanceof StreamResetError && error.reason === 'invalid-credentials',
      );
    }
    assert.equal(ours.streams.size, 0);
    await stop();
  });

  it('6.3 refusals beyond acceptBacklog at once may lose their words, not their effect', async () => {
    const { client: ours, stop } = pair((stream) => stream.refuse('refused', 'no'), { limits: { acceptBacklog: 2 } });
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => ours.createStream({})));
    for (const one of outcomes) {
      assert.ok(one.status === 'rejected' && one.reason instanceof StreamResetError && one.reason.reason === 'refused');
    }
    await stop();
  });

  it('6.4 a refusal later, after the handler has looked at the data', async () => {
    const { client: ours, stop } = pair(async (stream) => {
      stream.deferReply();
      for await (const chunk of stream) {
        stream.refuse('cancel', `not ${String(chunk)}`);
        return;
      }
    });
    const stream = ours.openStream({});
    stream.write('this');
    await assert.rejects(stream.accepted, /not this/);
    await stop();
  });

  it('6.5 every reason there is travels', async () => {
    const reasons = [
      'protocol-error',
      'invalid-stream',
      'refused',
      'unsupported-version',
      'cancel',
      'internal-error',
    ] as const;
    const more = [
      'flow-control-error',
      'stream-in-use',
      'stream-already-closed',
      'invalid-credentials',
      'frame-too-large',
    ] as const;
    for (const reason of [...reasons, ...more]) {
      const { client: ours, stop } = pair((stream) => stream.refuse(reason));
      await assert.rejects(ours.createStream({}), { reason });
      await stop();
    }
  });
});
