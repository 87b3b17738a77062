import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import { newSpdyClientConnection, newSpdyServerConnection, type SpdyConnectionOptions } from '../../src/spdy/index.js';

/** A server on loopback with one attacker, who speaks bare bytes, and one honest client. */
export interface Arena {
  readonly attacker: Socket;
  readonly victim: Connection;
  readonly honest: Connection;
  /** What the attacker was sent so far. */
  received(): Buffer;
  /** Fails unless the honest client gets an echo through the same server now. */
  checkHonest(): Promise<void>;
  stop(): Promise<void>;
}

export interface ArenaOptions {
  /** Handler of the attacked connection. Default: accepts and leaves alone. */
  readonly handler?: NewStreamHandler;
  readonly options?: SpdyConnectionOptions;
  /** The attacker reads nothing. */
  readonly deaf?: boolean;
}

export async function arena({ handler = () => {}, options = {}, deaf = false }: ArenaOptions = {}): Promise<Arena> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const [attacker, victimSocket] = await link(listener);
  const [honestSocket, servedSocket] = await link(listener);
  const victim = newSpdyServerConnection(victimSocket, handler, { pingPeriod: 0, ...options });
  const served = newSpdyServerConnection(servedSocket, (stream) => void stream.pipe(stream), { pingPeriod: 0 });
  const honest = newSpdyClientConnection(honestSocket, { pingPeriod: 0 });
  attacker.on('error', () => {});
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

/** Writes all of it, however slowly it is taken; gives up when the socket is closed by the other side. */
export async function flood(socket: Socket, bytes: Buffer): Promise<void> {
  const step = 64 * 1024;
  for (let offset = 0; offset < bytes.length && !socket.destroyed; offset += step) {
    if (socket.write(bytes.subarray(offset, offset + step))) continue;
    await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
  }
}

/** Waits, turn by turn, until `condition` holds. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of JavaScript heap and of buffers that are alive. */
export function memory(): number {
  // What a first collection finds dead, a second one gives back.
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
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
