import type { Duplex } from 'node:stream';
import type { PeerOptions } from './options.js';
import { Producer } from './producer.js';
import type { Tally } from './tally.js';
import { repeat } from './wire.js';

/** What the server does with each stream. */
export function streamServer(options: PeerOptions, tally: Tally): (stream: Duplex) => void {
  if (options.kind === 'openclose') return (stream) => answer(stream, tally);
  if (options.kind === 'pingpong') return (stream) => echo(stream, tally);
  return mover(options, tally);
}

/** What the client does with the streams that it opens; resolves when they are busy. */
export async function useStreams(
  open: () => Duplex | Promise<Duplex>,
  options: PeerOptions,
  tally: Tally,
): Promise<void> {
  if (options.kind === 'openclose') {
    repeat(options.streams, tally, async () => exchange(await open()));
    return;
  }
  if (options.kind === 'pingpong') {
    pingPong(await open(), options.size, tally);
    return;
  }
  const move = mover(options, tally);
  for (let i = 0; i < options.streams; i++) move(await open());
}

/** Of bulk and small: writes without end, or reads. */
function mover(options: PeerOptions, tally: Tally): (stream: Duplex) => void {
  const producer = new Producer(options.size, tally, options.cork);
  return (stream) => {
    if (options.sends) producer.add(stream);
    else stream.on('data', (chunk: Buffer) => tally.received(chunk.length));
  };
}

function answer(stream: Duplex, tally: Tally): void {
  stream.on('data', (chunk: Buffer) => {
    stream.end(chunk);
    tally.bytes++;
    tally.ops++;
  });
}

async function exchange(stream: Duplex): Promise<void> {
  stream.end('x');
  let received = 0;
  stream.on('data', (chunk: Buffer) => (received += chunk.length));
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('error', reject);
  });
  if (received !== 1) throw new Error(`${received} bytes came back, not 1`);
}

function echo(stream: Duplex, tally: Tally): void {
  stream.on('data', (chunk: Buffer) => {
    stream.write(chunk);
    tally.received(chunk.length);
  });
}

function pingPong(stream: Duplex, size: number, tally: Tally): void {
  const back = pings(size, tally, (message) => stream.write(message));
  stream.on('data', (chunk: Buffer) => back(chunk.length));
}

/** Sends the first message, and the next whenever the one before is back; returns what is to hear of bytes. */
export function pings(size: number, tally: Tally, send: (message: Buffer) => void): (received: number) => void {
  const message = Buffer.alloc(size, 'x');
  let left = size;
  let sent = performance.now();
  send(message);
  return (received) => {
    left -= received;
    if (left > 0) return;
    const now = performance.now();
    tally.roundTrip(size, now - sent);
    left += size;
    sent = now;
    send(message);
  };
}
