import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ConnectionOptions } from '../../mux/options.js';
import { VirtualClock } from '../virtual-clock.js';
import { Acceptor, streamError, turns, until, withPair, type CaseSetup } from './harness.js';
import type { ComplianceFactory, CompliancePair } from './types.js';

interface IdleCase extends CompliancePair {
  readonly clock: VirtualClock;
  readonly acceptor: Acceptor;
  /** How the server's end was closed, if it was. */
  reason(): string | undefined;
}

/** The idle timeout, and the death of a silent peer. */
export function idleCases(factory: ComplianceFactory): void {
  async function run(server: ConnectionOptions, body: (idle: IdleCase) => Promise<void>): Promise<void> {
    const clock = new VirtualClock();
    const acceptor = new Acceptor();
    const setup: CaseSetup = { serverHandler: acceptor.handler, options: { clock }, server };
    await withPair(factory, setup, async (pair) => {
      let reason: string | undefined;
      void pair.server.closed.then(({ kind }) => (reason = kind));
      await body({ ...pair, clock, acceptor, reason: () => reason });
    });
  }

  describe('idle timeout and keepalive', () => {
    it('never set: nothing happens', async () => {
      await run({}, async ({ clock, client, reason }) => {
        clock.advance(365 * 24 * 3600 * 1000);
        await client.ping();
        assert.equal(reason(), undefined);
      });
    });

    it('no data: closes after the timeout, and not before', async () => {
      await run({ idleTimeout: 1000 }, async ({ clock, client, server, reason }) => {
        clock.advance(999);
        await turns();
        assert.equal(reason(), undefined);
        clock.advance(1);
        assert.equal((await server.closed).kind, 'idle-timeout');
        assert.equal((await server.closed).initiator, 'local');
        assert.equal((await client.closed).initiator, 'remote');
      });
    });

    it('cleared: nothing happens', async () => {
      await run({ idleTimeout: 1000 }, async ({ clock, client, server, reason }) => {
        clock.advance(500);
        server.setIdleTimeout(0);
        clock.advance(1_000_000);
        await client.ping();
        assert.equal(reason(), undefined);
      });
    });

    it('set later and set again: counts from then', async () => {
      await run({}, async ({ clock, server, reason }) => {
        clock.advance(10_000);
        server.setIdleTimeout(1000);
        clock.advance(900);
        server.setIdleTimeout(500);
        clock.advance(499);
        await turns();
        assert.equal(reason(), undefined);
        clock.advance(1);
        assert.equal((await server.closed).kind, 'idle-timeout');
      });
    });

    it('data in either direction counts', async () => {
      await run({ idleTimeout: 1000 }, async ({ clock, client, server, acceptor, reason }) => {
        const stream = await client.createStream({});
        const incoming = await acceptor.stream();
        let received = 0;
        stream.on('data', (chunk: Buffer) => (received += chunk.length));
        incoming.resume();
        for (let i = 1; i <= 3; i++) {
          clock.advance(900);
          incoming.write('x');
          await until(() => received === i);
        }
        let got = 0;
        incoming.on('data', (chunk: Buffer) => (got += chunk.length));
        for (let i = 1; i <= 3; i++) {
          clock.advance(900);
          stream.write('y');
          await until(() => got === i);
        }
        await turns();
        assert.equal(reason(), undefined);
        clock.advance(1000);
        assert.equal((await server.closed).kind, 'idle-timeout');
      });
    });

    it('half-closed and silent: closes, and the stream says why', async () => {
      await run({ idleTimeout: 1000 }, async ({ clock, client, server, acceptor }) => {
        const stream = await client.createStream({});
        stream.end();
        stream.resume();
        const incoming = await acceptor.stream();
        incoming.resume();
        await until(() => incoming.readableEnded);
        clock.advance(1000);
        assert.equal((await server.closed).kind, 'idle-timeout');
        const error = await streamError(incoming);
        assert.ok(error && 'code' in error && error.code === 'ERR_IDLE_TIMEOUT', String(error));
        const remote = await streamError(stream);
        assert.ok(remote && 'code' in remote && remote.code === 'ERR_STREAM_RESET', String(remote));
      });
    });

    it('pings do not count', async () => {
      await run({ idleTimeout: 1000 }, async ({ clock, client, server, reason }) => {
        clock.advance(900);
        await client.ping();
        await server.ping();
        assert.equal(reason(), undefined);
        clock.advance(100);
        assert.equal((await server.closed).kind, 'idle-timeout');
      });
    });

    it('pings count by option', async () => {
      await run({ idleTimeout: 1000, pingsAreActivity: true }, async ({ clock, client, server, reason }) => {
        for (let i = 0; i < 5; i++) {
          clock.advance(900);
          await client.ping();
        }
        await turns();
        assert.equal(reason(), undefined);
        clock.advance(1000);
        assert.equal((await server.closed).kind, 'idle-timeout');
      });
    });

    it('refuses a timeout that is no duration', async () => {
      await run({}, async ({ client }) => {
        for (const value of [-1, Number.NaN, Infinity]) {
          assert.throws(() => client.setIdleTimeout(value), { code: 'ERR_INVALID_ARGUMENT' });
        }
      });
    });

    it('a peer that vanished is found by keepalive', async () => {
      await run({ pingPeriod: 15_000, pingTimeout: 10_000 }, async ({ clock, client, server, acceptor, vanish }) => {
        const stream = await client.createStream({});
        stream.resume();
        const incoming = await acceptor.stream();
        incoming.resume();
        await server.ping();
        vanish();
        for (let i = 0; i < 60 && server.streams.size > 0; i++) {
          clock.advance(500);
          await turns(3);
        }
        assert.equal((await server.closed).kind, 'ping-timeout');
        const error = await streamError(incoming);
        assert.ok(error && 'code' in error && error.code === 'ERR_CONNECTION_LOST', String(error));
      });
    });

    it('a peer that answers is left alone, however silent', async () => {
      await run({ pingPeriod: 15_000, pingTimeout: 10_000 }, async ({ clock, client, acceptor, reason }) => {
        await client.createStream({});
        await acceptor.stream();
        for (let i = 0; i < 200; i++) {
          clock.advance(1000);
          await turns(5);
          await client.ping();
        }
        assert.equal(reason(), undefined);
      });
    });
  });
}
