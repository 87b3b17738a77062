import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { NewStreamHandler } from '../../src/httpstream/index.js';
import {
  newYamuxClientConnection,
  newYamuxServerConnection,
  type YamuxConnectionOptions,
} from '../../src/yamux/index.js';
import { turns, type Arena } from './spdy-support.js';

export { flood, memory, turns, until } from './spdy-support.js';

export interface YamuxArenaOptions {
  /** Handler of the attacked connection. Default: accepts and leaves alone. */
  readonly handler?: NewStreamHandler;
  /** Default: plain yamux, without pings. */
  readonly options?: YamuxConnectionOptions;
  /** The attacker reads nothing. */
  readonly deaf?: boolean;
}

/** As the arena of the SPDY tests: one attacker, who speaks bare bytes, and one honest client, on one loopback server. */
export async function arena({
  handler = () => {},
  options = {},
  deaf = false,
}: YamuxArenaOptions = {}): Promise<Arena> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const [attacker, victimSocket] = await link(listener);
  const [honestSocket, servedSocket] = await link(listener);
  const victim = newYamuxServerConnection(victimSocket, handler, { headers: false, pingPeriod: 0, ...options });
  const served = newYamuxServerConnection(servedSocket, (stream) => void stream.pipe(stream), { pingPeriod: 0 });
  const honest = newYamuxClientConnection(honestSocket, { pingPeriod: 0 });
  attacker.on('error', () => {});
  // Each pause of a flood leaves one.
  attacker.setMaxListeners(0);
  const chunks: Buffer[] = [];
  if (!deaf) attacker.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    attacker,
    victim,
    honest,
    received: () => Buffer.concat(chunks),
    checkHonest: async () => {
      const stream = await honest.createStream({ streamtype: 'echo' });
      stream.end('are you there?');
      let answer = '';
      for await (const chunk of stream) answer += String(chunk);
      assert.equal(answer, 'are you there?');
    },
    stop: async () => {
      attacker.destroy();
      await Promise.all([victim.close(), honest.close(), served.closed]);
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** The names of limits that ended a connection are in the error. */
export function endedBy(error: unknown, limit: string): void {
  assert.ok(error instanceof Error && 'limit' in error && error.limit === limit, String(error));
}

/** Waits until a number stays what it is. */
export async function untilNothingMoves(count: () => number): Promise<void> {
  for (let quiet = 0, last = -1; quiet < 10; last = count()) {
    quiet = count() === last ? quiet + 1 : 0;
    await turns(20);
  }
}

async function link(listener: Server): Promise<[Socket, Socket]> {
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect(address.port, '127.0.0.1');
  await once(client, 'connect');
  const [server] = await accepted;
  client.setNoDelay(true);
  return [client, server];
}
