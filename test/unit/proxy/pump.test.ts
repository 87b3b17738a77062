import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { pump, type PumpOptions } from '../../../src/proxy/pump.js';
import { VirtualClock, duplexPair, type MemoryDuplex } from '../../../src/testing/index.js';

/** Lets pending turns of the event loop pass; no time of the virtual clock does. */
async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

interface Pumped {
  readonly clock: VirtualClock;
  readonly client: MemoryDuplex;
  readonly backend: MemoryDuplex;
  readonly ends: readonly [MemoryDuplex, MemoryDuplex];
  readonly received: { client: Buffer; backend: Buffer };
  readonly done: () => boolean;
}

const NOTHING = Buffer.alloc(0);

function start(options: Partial<PumpOptions> = {}, early: { client?: Buffer; backend?: Buffer } = {}): Pumped {
  const clock = new VirtualClock();
  const [client, clientEnd] = duplexPair();
  const [backend, backendEnd] = duplexPair();
  let done = false;
  const settings: PumpOptions = {
    clock,
    idleTimeout: 0,
    writeTimeout: 0,
    halfCloseTimeout: 1000,
    closeTimeout: 100,
    bytesPerSecond: 0,
    ...options,
  };
  const running = pump(
    { socket: clientEnd, early: early.client ?? NOTHING },
    { socket: backendEnd, early: early.backend ?? NOTHING },
    settings,
  );
  void running.then(() => (done = true));
  const received = { client: NOTHING, backend: NOTHING };
  client.on('data', (chunk: Buffer) => (received.client = Buffer.concat([received.client, chunk])));
  backend.on('data', (chunk: Buffer) => (received.backend = Buffer.concat([received.backend, chunk])));
  for (const socket of [client, backend]) socket.on('error', () => {});
  return { clock, client, backend, ends: [clientEnd, backendEnd], received, done: () => done };
}

describe('pump', () => {
  it('sends early bytes first, either way', async () => {
    const { client, backend, received, done } = start(
      {},
      { client: Buffer.from('up '), backend: Buffer.from('down ') },
    );
    client.end('more');
    backend.end('more');
    await turns();
    assert.deepEqual([received.client.toString(), received.backend.toString()], ['down more', 'up more']);
    assert.ok(done());
  });

  it('leaves no timer and no open socket behind, however it ends', async () => {
    const endings: Readonly<Record<string, (pumped: Pumped) => void>> = {
      'both end': ({ client, backend }) => void (client.end(), backend.end()),
      'the client breaks': ({ client }) => client.resetConnection(),
      'the backend breaks': ({ backend }) => backend.resetConnection(),
      'one end is destroyed here': ({ ends }) => void ends[0].destroy(),
      'the client ends, the backend never does': ({ client }) => void client.end(),
      'nothing happens': () => {},
    };
    for (const [name, end] of Object.entries(endings)) {
      const pumped = start({ idleTimeout: 5000 });
      await turns();
      end(pumped);
      await turns();
      pumped.clock.advance(6000);
      await turns();
      assert.ok(pumped.done(), name);
      assert.equal(pumped.clock.pending, 0, name);
      assert.ok(
        pumped.ends.every((socket) => socket.destroyed),
        name,
      );
    }
  });

  it('closes the other socket when one is gone before it starts', async () => {
    const [client, clientEnd] = duplexPair();
    const [backend, backendEnd] = duplexPair();
    for (const socket of [client, backend, clientEnd]) socket.on('error', () => {});
    clientEnd.destroy();
    await turns(2);
    const clock = new VirtualClock();
    const options = { idleTimeout: 0, writeTimeout: 0, halfCloseTimeout: 1000, closeTimeout: 100, bytesPerSecond: 0 };
    const early = Buffer.from('for nobody');
    let received = '';
    backend.on('data', (chunk: Buffer) => (received += chunk.toString()));
    const running = pump({ socket: clientEnd, early }, { socket: backendEnd, early }, { clock, ...options });
    await turns();
    assert.ok(backend.readableEnded);
    backend.end();
    await running;
    assert.equal(received, '');
    assert.equal(clock.pending, 0);
  });

  it('half-closed, it lives as long as there are bytes, and halfCloseTimeout after the last', async () => {
    const { clock, client, backend, received, done } = start();
    client.end('request');
    await turns();
    assert.ok(backend.readableEnded);
    for (let i = 0; i < 5; i++) {
      clock.advance(900);
      backend.write('.');
      await turns();
    }
    assert.equal(received.client.toString(), '.....');
    clock.advance(999);
    await turns();
    assert.ok(!done());
    clock.advance(1);
    await turns();
    assert.ok(done());
  });

  it('idleTimeout counts from the last byte of either direction', async () => {
    const { clock, client, backend, done } = start({ idleTimeout: 1000 });
    for (const socket of [client, backend, client]) {
      clock.advance(999);
      socket.write('x');
      await turns();
    }
    assert.ok(!done());
    clock.advance(1000);
    await turns();
    assert.ok(done());
  });

  it('writeTimeout ends it when a sink takes nothing, and not when it is slow', async () => {
    const { clock, client, backend, done } = start({ writeTimeout: 1000 });
    client.pause();
    backend.write(randomBytes(1024 * 1024));
    await turns();
    for (let i = 0; i < 5; i++) {
      clock.advance(900);
      client.resume();
      await turns(2);
      client.pause();
    }
    assert.ok(!done());
    await turns();
    backend.write(randomBytes(1024 * 1024));
    await turns();
    clock.advance(1000);
    await turns();
    assert.ok(done());
  });

  it('a rate cap lets a tenth of a second through at once, then the rate, the same for both directions', async () => {
    const { clock, client, backend, received } = start({ bytesPerSecond: 10_000 });
    client.write(Buffer.alloc(100_000));
    backend.write(Buffer.alloc(100_000));
    await turns();
    assert.deepEqual([received.client.length, received.backend.length], [1000, 1000]);
    for (let second = 1; second <= 5; second++) {
      for (let i = 0; i < 10; i++) {
        clock.advance(100);
        await turns(3);
      }
      for (const { length } of [received.client, received.backend]) {
        assert.ok(Math.abs(length - second * 10_000 - 1000) <= 1000, `${length} after ${second} s`);
      }
    }
  });

  it('under a rate cap nothing is lost when a direction ends, and one chunk at most is held', async () => {
    const data = randomBytes(50_000);
    const { clock, client, backend, ends, received, done } = start({ bytesPerSecond: 100_000 });
    client.end(data);
    await turns();
    assert.ok(ends[0].readableLength <= 128 * 1024);
    for (let i = 0; i < 100 && !backend.readableEnded; i++) {
      clock.advance(50);
      await turns(3);
    }
    assert.ok(received.backend.equals(data));
    backend.end();
    await turns();
    assert.ok(done());
  });

  it('a rate cap of one byte per second makes progress', async () => {
    const { clock, client, received } = start({ bytesPerSecond: 1 });
    client.write('abc');
    for (let i = 0; i < 4; i++) {
      await turns(3);
      clock.advance(1000);
    }
    await turns(3);
    assert.equal(received.backend.toString(), 'abc');
    client.resetConnection();
  });

  it('delivers what was read before one side broke', async () => {
    const { client, backend, received, done, clock } = start();
    backend.write('last words');
    await turns(3);
    backend.resetConnection();
    await turns();
    assert.equal(received.client.toString(), 'last words');
    assert.ok(client.readableEnded);
    client.end();
    clock.advance(100);
    await turns();
    assert.ok(done());
  });
});
