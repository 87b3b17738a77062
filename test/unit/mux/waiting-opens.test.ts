import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ConnectionLostError, InvalidArgumentError } from '../../../src/errors/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { ACK, goAway, windowUpdate } from '../../support/yamux-frames.js';
import { rawPeer, turns } from '../../support/yamux-raw.js';

// createStream waits while 256 streams have no answer. Time stands still: a wait that nothing but a deadline ends fails.

const opened = Array.from({ length: 256 }, (_, index) => 2 * index + 1);

it('streams that cannot be opened, headers on plain yamux say, take nobody the turn', async () => {
  const clock = new VirtualClock();
  const { connection, peer } = rawPeer('client', () => {}, { clock });
  const first = opened.map(() => connection.createStream({}));
  const unusable = opened.map(() => connection.createStream({ a: 'b' }));
  const last = connection.createStream({});
  const refused = Promise.all(unusable.map((stream) => assert.rejects(stream, InvalidArgumentError)));
  for (const id of opened) peer.write(windowUpdate(id, 0, ACK));
  await Promise.all(first);
  await refused;
  await turns(5);
  assert.equal(connection.streams.size, 257);
  peer.write(windowUpdate(513, 0, ACK));
  assert.equal((await last).id, 513);
  await connection.close();
});

it('a goodbye ends all waits, not only as many as there were answers', async () => {
  const clock = new VirtualClock();
  const { connection, peer } = rawPeer('client', () => {}, { clock });
  const first = opened.map(() => connection.createStream({}));
  const waiting = [...opened, ...opened].map(() => connection.createStream({}));
  const refused = Promise.all(waiting.map((stream) => assert.rejects(stream, ConnectionLostError)));
  peer.write(goAway(0));
  await refused;
  for (const id of opened) peer.write(windowUpdate(id, 0, ACK));
  await Promise.all(first);
  await connection.close();
});

it('a wait that is given up in the moment of its turn opens nothing', async () => {
  const { connection, peer } = rawPeer('client', () => {}, { clock: new VirtualClock() });
  const first = opened.map(() => connection.createStream({}));
  const controller = new AbortController();
  const reason = new Error('changed my mind');
  const given = connection.createStream({}, { signal: controller.signal });
  let settled: unknown;
  given.catch((error: unknown) => (settled = error));
  peer.write(windowUpdate(1, 0, ACK));
  await first[0];
  // Each of the steps from the answer to the new stream is a microtask.
  controller.abort(reason);
  await turns(5);
  assert.equal(settled, reason);
  assert.equal(connection.streams.size, 256);
  for (const id of opened) peer.write(windowUpdate(id, 0, ACK));
  await Promise.all(first);
  await connection.close();
});
