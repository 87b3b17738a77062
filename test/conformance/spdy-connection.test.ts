import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { IncomingStream, Stream } from '../../src/httpstream/index.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import { VirtualClock, duplexPair } from '../../src/testing/index.js';
import { startTcpProxy } from './spdy-proxy.js';
import { FIN, FrameFactory, data, describeFrames, goAway, ping, rst } from '../support/frames.js';
import { rawClient, tcpCarrier } from '../support/spdy-pairs.js';

// Rows of moby/spdystream spdy_test.go and of k8s.io/streaming httpstream/spdy/connection_test.go that need the bytes on
// the wire; those that do not are in test/compliance, which every engine runs.

async function turns(count = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1);
}

describe('what a spdystream peer sees', () => {
  it('a refused stream is RST CANCEL(5), as httpstream refuses', async () => {
    const { connection, peer, received } = rawClient(() => {
      throw new Error('no');
    });
    peer.write(new FrameFactory().synStream(1));
    await until(() => received().length > 0);
    assert.deepEqual(describeFrames(received()), ['RST_STREAM 1 5']);
    peer.destroy();
    await connection.closed;
  });

  it('refuse(reason) sends the code of its reason', async () => {
    const { connection, peer, received } = rawClient((stream) => stream.refuse('refused'));
    peer.write(new FrameFactory().synStream(1));
    await until(() => received().length > 0);
    assert.deepEqual(describeFrames(received()), ['RST_STREAM 1 3']);
    peer.destroy();
    await connection.closed;
  });

  it('an acceptor that writes at once: the reply comes first', async () => {
    const { connection, peer, received } = rawClient((stream) => {
      stream.write('hello');
      stream.end();
    });
    peer.write(new FrameFactory().synStream(1));
    await until(() => describeFrames(received()).length === 3);
    assert.deepEqual(describeFrames(received()), ['SYN_REPLY 1', 'DATA 1 "hello"', 'DATA 1 "" fin']);
    peer.destroy();
    await connection.closed;
  });

  it('a deferred acceptor that writes at once: nothing before its reply', async () => {
    let incoming: IncomingStream | undefined;
    const { connection, peer, received } = rawClient((stream) => {
      stream.deferReply();
      stream.end('early');
      incoming = stream;
    });
    peer.write(new FrameFactory().synStream(1));
    await until(() => incoming !== undefined);
    await turns();
    assert.equal(received().length, 0);
    incoming?.accept();
    await until(() => received().length > 0);
    assert.deepEqual(describeFrames(received()), ['SYN_REPLY 1', 'DATA 1 "early"', 'DATA 1 "" fin']);
    peer.destroy();
    await connection.closed;
  });

  it('the opener waits with its bytes for the reply', async () => {
    const [peer, ours] = duplexPair();
    const chunks: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => chunks.push(chunk));
    const sent = (): string[] => describeFrames(Buffer.concat(chunks));
    const connection = newSpdyClientConnection(ours, { pingPeriod: 0 });
    const stream = connection.openStream({ streamtype: 'data' });
    stream.end('bytes');
    await until(() => sent().length > 0);
    await turns();
    assert.deepEqual(sent(), ['SYN_STREAM 1']);
    peer.write(new FrameFactory().synReply(1));
    await until(() => sent().length === 3);
    assert.deepEqual(sent().slice(1), ['DATA 1 "bytes"', 'DATA 1 "" fin']);
    peer.destroy();
    await connection.closed;
  });

  it('a reset from the peer is not answered', async () => {
    const { connection, peer, received } = rawClient(() => {});
    peer.write(Buffer.concat([new FrameFactory().synStream(1), data(1, 'unread'), rst(1), ping(1)]));
    await until(() => describeFrames(received()).includes('PING 1'));
    assert.deepEqual(describeFrames(received()), ['SYN_REPLY 1', 'PING 1']);
    peer.destroy();
    await connection.closed;
  });

  it('Close is RST 5 for each stream that is open, then GOAWAY, then the end', async () => {
    const { connection, peer, received } = rawClient((stream) => {
      if (stream.id === 3) stream.end();
      stream.resume();
    });
    const factory = new FrameFactory();
    peer.write(Buffer.concat([factory.synStream(1), factory.synStream(3, [], FIN), factory.synStream(5)]));
    await until(() => connection.streams.size === 2);
    const ended = once(peer, 'end');
    const closing = connection.close();
    await ended;
    peer.end();
    await closing;
    assert.deepEqual(
      describeFrames(received()).filter((line) => /RST|GOAWAY/.test(line)),
      ['RST_STREAM 1 5', 'RST_STREAM 5 5', 'GOAWAY 5 0'],
    );
  });

  it('HEADERS of the peer are an event of the stream', async () => {
    const seen: string[] = [];
    const { connection, peer } = rawClient((stream) => {
      stream.on('headers', (headers: { get(name: string): string | undefined }) =>
        seen.push(headers.get('More') ?? ''),
      );
    });
    const factory = new FrameFactory();
    peer.write(Buffer.concat([factory.synStream(1), factory.headers(1, [['more', 'trailers']])]));
    await until(() => seen.length === 1);
    assert.deepEqual(seen, ['trailers']);
    peer.destroy();
    await connection.closed;
  });
});

describe('GOAWAY from the peer', () => {
  it('frames in front of it are delivered, reads are unblocked by what follows', async () => {
    const streams: Stream[] = [];
    const { connection, peer } = rawClient((stream) => void streams.push(stream));
    const factory = new FrameFactory();
    peer.write(Buffer.concat([factory.synStream(1), data(1, 'queued'), rst(1), goAway(0)]));
    assert.equal((await connection.closed).kind, 'going-away');
    const [stream] = streams;
    assert.ok(stream);
    const chunks: string[] = [];
    await assert.rejects(
      async () => {
        for await (const chunk of stream) chunks.push(String(chunk));
      },
      { code: 'ERR_STREAM_RESET' },
    );
    assert.deepEqual(chunks, ['queued']);
  });

  it('a stream that is open may finish, then the connection closes by itself', async () => {
    const { connection, peer, received } = rawClient((stream) => void stream.pipe(stream));
    peer.write(Buffer.concat([new FrameFactory().synStream(1), goAway(0), data(1, 'to the end', FIN)]));
    const { kind, initiator } = await connection.closed;
    assert.deepEqual({ kind, initiator }, { kind: 'going-away', initiator: 'remote' });
    assert.deepEqual(describeFrames(received()), ['SYN_REPLY 1', 'DATA 1 "to the end"', 'DATA 1 "" fin', 'GOAWAY 1 0']);
  });

  it('opening a stream afterwards fails; one that the peer never saw fails as refused', async () => {
    const [peer, ours] = duplexPair();
    peer.resume();
    peer.on('end', () => peer.end());
    const connection = newSpdyClientConnection(ours, { pingPeriod: 0 });
    const factory = new FrameFactory();
    const seen = connection.openStream({});
    const unseen = connection.openStream({});
    peer.write(Buffer.concat([factory.synReply(1), goAway(1)]));
    await assert.rejects(unseen.accepted, { code: 'ERR_STREAM_RESET', reason: 'refused' });
    await seen.accepted;
    assert.throws(() => connection.openStream({}), { code: 'ERR_CONNECTION_LOST' });
    seen.end();
    peer.write(data(1, 'rest', FIN));
    let text = '';
    for await (const chunk of seen) text += String(chunk);
    assert.equal(text, 'rest');
    assert.equal((await connection.closed).kind, 'going-away');
  });
});

describe('keepalive', () => {
  function quiet(options: object): {
    clock: VirtualClock;
    frames: () => string[];
    stop: () => Promise<string>;
    write: (bytes: Buffer) => void;
  } {
    const clock = new VirtualClock();
    const { connection, peer, received } = rawClient(() => {}, { clock, pingPeriod: 15_000, ...options });
    return {
      clock,
      frames: () => describeFrames(received()),
      write: (bytes) => void peer.write(bytes),
      stop: async () => {
        peer.destroy();
        await turns();
        clock.advance(3000);
        return (await connection.closed).kind;
      },
    };
  }

  it('a ping per period while the peer is silent, ids of our parity', async () => {
    const { clock, frames, stop } = quiet({ pingTimeout: 0 });
    for (let i = 0; i < 4; i++) {
      clock.advance(15_000);
      await turns();
    }
    assert.deepEqual(frames(), ['PING 2', 'PING 4', 'PING 6', 'PING 8']);
    await stop();
  });

  it('none while the peer is heard of', async () => {
    const { clock, frames, stop, write } = quiet({});
    for (let i = 0; i < 10; i++) {
      clock.advance(14_000);
      write(ping(2 * i + 1));
      await turns();
    }
    assert.ok(frames().every((line) => Number(line.split(' ')[1]) % 2 === 1));
    await stop();
  });

  it('five missed in a row, over the timeout, are the end; four are not', async () => {
    const { clock, frames, write, stop } = quiet({ pingTimeout: 10_000 });
    const pass = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i++) {
        clock.advance(1000);
        await turns();
      }
    };
    await pass(15 + 8);
    assert.equal(frames().length, 5);
    write(ping(10));
    await turns();
    await pass(15 + 9);
    assert.equal(frames().length, 10);
    await pass(1);
    assert.equal(await stop(), 'ping-timeout');
  });

  it('pingPeriod 0: none ever', async () => {
    const { clock, frames, stop } = quiet({ pingPeriod: 0 });
    clock.advance(10_000_000);
    await turns();
    assert.deepEqual(frames(), []);
    await stop();
  });

  it('the end is put off while we do not read, and pings go on', async () => {
    const clock = new VirtualClock();
    const streams: Stream[] = [];
    const limits = { streamBufferBytes: 1000 };
    const paused = { clock, limits, pingPeriod: 15_000, pingTimeout: 10_000 };
    const again = rawClient((stream) => void streams.push(stream), paused);
    again.peer.write(Buffer.concat([new FrameFactory().synStream(1), data(1, Buffer.alloc(2000))]));
    await until(() => streams.at(-1)?.readableLength === 2000);
    await turns();
    for (let i = 0; i < 20; i++) {
      clock.advance(15_000);
      await turns();
    }
    const pings = describeFrames(again.received()).filter((line) => line.startsWith('PING'));
    assert.ok(pings.length >= 15, `${pings.length}`);
    streams.at(-1)?.resume();
    await turns();
    again.peer.write(ping(1));
    await until(() => describeFrames(again.received()).includes('PING 1'));
    again.peer.destroy();
    await again.connection.closed;
  });
});

describe('over TCP', () => {
  it('Close is immediate through a TCP proxy, at both ends', async () => {
    const proxy = await startTcpProxy();
    const server = newSpdyServerConnection(proxy.server, (stream) => void stream.pipe(stream), { pingPeriod: 0 });
    const client = newSpdyClientConnection(proxy.client, { pingPeriod: 0 });
    const stream = await client.createStream({});
    stream.write('x');
    await once(stream, 'data');
    await client.close();
    assert.equal((await server.closed).kind, 'going-away');
    await proxy.stop();
  });

  it('a peer that ends TCP without a goodbye: ended, streams are lost', async () => {
    const { client, server, stop } = await tcpCarrier();
    const streams: Stream[] = [];
    const connection = newSpdyServerConnection(server, (stream) => void streams.push(stream), { pingPeriod: 0 });
    client.write(new FrameFactory().synStream(1));
    client.resume();
    await until(() => streams.length === 1);
    const [stream] = streams;
    assert.ok(stream);
    stream.resume();
    client.end();
    await new Promise<void>((resolve) => stream.once('close', () => resolve()));
    assert.ok(stream.errored && 'code' in stream.errored && stream.errored.code === 'ERR_CONNECTION_LOST');
    assert.equal((await connection.closed).kind, 'ended');
    await stop();
  });
});
