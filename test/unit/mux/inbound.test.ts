import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { newSpdyServerConnection } from '../../../src/spdy/index.js';
import { ping } from '../../support/frames.js';

test('chunks that the socket emits in one go wait for the rest of the one before', async () => {
  const answers: Buffer[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      answers.push(chunk);
      done();
    },
  });
  const frames = Array.from({ length: 100 }, (_, index) => ping(2 * index + 1));
  for (let i = 0; i < frames.length; i += 25) socket.push(Buffer.concat(frames.slice(i, i + 25)));
  const connection = newSpdyServerConnection(socket, () => {}, {
    pingPeriod: 0,
    limits: { maxPendingControlFrames: 8 },
  });
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(Buffer.concat(answers), Buffer.concat(frames));
  socket.destroy();
  await connection.closed;
});
