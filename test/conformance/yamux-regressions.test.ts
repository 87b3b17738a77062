// What yamux-js 0.2.0 gets wrong (measured), each as a test of our own engine.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NewStreamHandler, Stream } from '../../src/httpstream/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { ACK, FIN, INITIAL_WINDOW, SYN, data, fin, ping, syn, windowUpdate } from '../support/yamux-frames.js';
import { rawPeer, turns, until } from '../support/yamux-raw.js';

/** Keeps the streams it gets, and all that they deliver. */
function recorder(): { readonly handler: NewStreamHandler; readonly streams: Stream[]; text(index: number): string } {
  const streams: Stream[] = [];
  const texts: string[] = [];
  const handler: NewStreamHandler = (stream) => {
    const index = streams.push(stream) - 1;
    texts[index] = '';
    stream.on('data', (chunk: Buffer) => (texts[index] += chunk.toString('latin1')));
    stream.on('end', () => (texts[index] += '.'));
  };
  return { handler, streams, text: (index) => texts[index] ?? '' };
}

describe('frames that do not come whole', () => {
  const script = [syn(1), data(1, 'hello '), data(1, 'world'), data(3, 'more', SYN | FIN), fin(1)];
  const bytes = Buffer.concat(script);

  for (const [what, size] of [
    ['byte by byte', 1],
    ['5 bytes at a time, inside heads', 5],
    ['13 bytes at a time, inside bodies', 13],
    ['all at once', bytes.length],
  ] as const) {
    it(what, async () => {
      const { handler, streams, text } = recorder();
      const { connection, peer } = rawPeer('server', handler);
      for (let at = 0; at < bytes.length; at += size) {
        peer.write(bytes.subarray(at, at + size));
        await turns(2);
      }
      await until(() => text(0).endsWith('.') && text(1).endsWith('.'));
      assert.deepEqual([streams.length, text(0), text(1)], [2, 'hello world.', 'more.']);
      await connection.close();
    });
  }

  it('a head that is split anywhere', async () => {
    for (let cut = 1; cut < 12; cut++) {
      const { handler, text } = recorder();
      const { connection, peer } = rawPeer('server', handler);
      peer.write(syn(1));
      const frame = data(1, 'whole', FIN);
      peer.write(frame.subarray(0, cut));
      await turns(2);
      peer.write(frame.subarray(cut));
      await until(() => text(0) === 'whole.');
      await connection.close();
    }
  });

  it('1 MiB on one stream, in chunks of a socket', async () => {
    let received = 0;
    const { connection, peer, frames } = rawPeer('server', (stream) => {
      stream.on('data', (chunk: Buffer) => (received += chunk.length));
    });
    peer.write(syn(1));
    let window = INITIAL_WINDOW;
    let seen = 0;
    for (let sent = 0; sent < 1024 * 1024;) {
      const length = Math.min(window, 50_000, 1024 * 1024 - sent);
      if (length > 0) {
        peer.write(data(1, Buffer.alloc(length)));
        sent += length;
        window -= length;
      }
      await turns(2);
      const lines = frames();
      for (; seen < lines.length; seen++) {
        const grant = /^WINDOW 1 (\d+)$/.exec(lines[seen] ?? '');
        if (grant !== null) window += Number(grant[1]);
      }
    }
    await until(() => received === 1024 * 1024);
    await connection.close();
  });
});

describe('flags', () => {
  it('data on SYN is delivered', async () => {
    const { handler, text } = recorder();
    const { connection, peer } = rawPeer('server', handler);
    peer.write(data(1, 'first words', SYN));
    await until(() => text(0) === 'first words');
    await connection.close();
  });

  it('a window on SYN counts', async () => {
    const total = INITIAL_WINDOW + 100_000;
    const { connection, peer, frames } = rawPeer('server', (stream) => void stream.write(Buffer.alloc(total)));
    peer.write(windowUpdate(1, 100_000, SYN));
    const sent = (): number =>
      frames()
        .filter((line) => line.startsWith('DATA'))
        .reduce((sum, line) => sum + (JSON.parse(line.slice(line.indexOf('"'))) as string).length, 0);
    await until(() => sent() === total);
    await connection.close();
  });

  it('FIN ends the readable side, and leaves the other open', async () => {
    const { handler, streams, text } = recorder();
    const { connection, peer, frames } = rawPeer('server', handler);
    peer.write(Buffer.concat([syn(1), data(1, 'x'), fin(1)]));
    await until(() => text(0) === 'x.');
    streams[0]?.end('answer');
    await until(() => frames().includes('WINDOW 1 fin 0'));
    assert.ok(frames().includes('DATA 1 "answer"'));
    assert.equal(connection.streams.size, 0);
    await connection.close();
  });

  it('FIN on data ends it behind the data', async () => {
    const { handler, text } = recorder();
    const { connection, peer } = rawPeer('server', handler);
    peer.write(Buffer.concat([syn(1), data(1, 'x', FIN)]));
    await until(() => text(0) === 'x.');
    await connection.close();
  });

  it('an even id from a client ends the connection', async () => {
    const { handler, streams } = recorder();
    const { connection, peer, frames } = rawPeer('server', handler);
    peer.write(syn(2));
    const { kind, initiator, error } = await connection.closed;
    assert.deepEqual([kind, initiator], ['protocol-error', 'local']);
    assert.match(String(error), /stream 2/);
    assert.equal(streams.length, 0);
    assert.deepEqual(frames(), ['GOAWAY 1']);
  });
});

describe('many', () => {
  it('20,000 pings in one chunk are all answered, without a deep stack', async () => {
    const { connection, peer, frames } = rawPeer('server', () => {});
    peer.write(Buffer.concat(Array.from({ length: 20_000 }, (_, index) => ping(index))));
    await until(() => frames().length === 20_000);
    assert.deepEqual(
      frames(),
      Array.from({ length: 20_000 }, (_, index) => `PING ack ${index}`),
    );
    await connection.close();
  });

  it('300 streams opened and closed one after another, by each side: none is left, none refused', async () => {
    const { connection, peer, frames } = rawPeer('server', (stream) => void stream.resume().end('bye'));
    for (let id = 1; id < 600; id += 2) peer.write(Buffer.concat([syn(id), fin(id)]));
    await until(() => frames().filter((line) => line.endsWith('fin 0')).length === 300);
    assert.ok(!frames().some((line) => line.includes('rst')));
    assert.equal(connection.streams.size, 0);
    for (let id = 2; id < 602; id += 2) {
      const stream = connection.openStream({});
      assert.equal(stream.id, id);
      stream.resume().end();
      peer.write(windowUpdate(id, 0, ACK | FIN));
      await until(() => connection.streams.size === 0);
    }
    await connection.close();
  });

  it('300 streams of a peer at once: maxStreams are taken, the others refused, and there is room again later', async () => {
    const streams: Stream[] = [];
    const { connection, peer, frames } = rawPeer('server', (stream) => void streams.push(stream));
    peer.write(Buffer.concat(Array.from({ length: 300 }, (_, index) => syn(2 * index + 1))));
    await until(() => frames().length === 300);
    assert.equal(frames().filter((line) => line.endsWith('ack 0')).length, 256);
    assert.equal(frames().filter((line) => line.endsWith('rst 0')).length, 44);
    for (const stream of streams) stream.destroy();
    await turns();
    peer.write(syn(1001));
    await until(() => frames().includes('WINDOW 1001 ack 0'));
    await connection.close();
  });
});

describe('windows', () => {
  it('a window that nobody reads is not opened again', async () => {
    const streams: Stream[] = [];
    const { connection, peer, frames } = rawPeer('server', (stream) => void streams.push(stream));
    peer.write(Buffer.concat([syn(1), data(1, Buffer.alloc(INITIAL_WINDOW)), ping(1)]));
    await until(() => frames().includes('PING ack 1'));
    await turns();
    assert.deepEqual(frames(), ['WINDOW 1 ack 0', 'PING ack 1']);
    assert.equal(streams[0]?.readableLength, INITIAL_WINDOW);
    streams[0]?.resume();
    await until(() => frames().some((line) => /^WINDOW 1 \d{5,}$/.test(line)));
    await connection.close();
  });

  it('at a zero window a writer waits for the update, not for a timer, and goes on at once', async () => {
    const clock = new VirtualClock();
    const written: string[] = [];
    const { connection, peer, frames } = rawPeer(
      'server',
      (stream) => {
        stream.write(Buffer.alloc(INITIAL_WINDOW), () => written.push('window'));
        stream.write('beyond', () => written.push('beyond'));
      },
      { clock },
    );
    peer.write(syn(1));
    await until(() => written.includes('window'));
    await turns();
    assert.ok(!frames().includes('DATA 1 "beyond"'));
    peer.write(windowUpdate(1, 3));
    await until(() => frames().includes('DATA 1 "bey"'));
    assert.deepEqual(written, ['window']);
    peer.write(windowUpdate(1, 100));
    await until(() => frames().includes('DATA 1 "ond"'));
    await until(() => written.includes('beyond'));
    assert.equal(clock.now(), 0, 'all without time going on');
    await connection.close();
  });

  it('a data frame as long as the rest of the window is not too long', async () => {
    const { handler, text } = recorder();
    const { connection, peer } = rawPeer('server', handler);
    peer.write(Buffer.concat([data(1, Buffer.alloc(INITIAL_WINDOW, 'a'), SYN)]));
    await until(() => text(0).length === INITIAL_WINDOW);
    assert.equal(connection.streams.size, 1);
    await connection.close();
  });
});
