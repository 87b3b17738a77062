import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { abort, splice } from '../../../src/mux/splice.js';
import { duplexPair, VirtualClock } from '../../../src/testing/index.js';
import { listenOn, textOf } from '../../conformance/portforward-support.js';

/** Two splices' worth of ends: `near` and `far` talk through the splice of the two in between. */
function spliced(clock = new VirtualClock()) {
  const [near, left] = duplexPair();
  const [right, far] = duplexPair();
  near.on('error', () => {});
  far.on('error', () => {});
  return { near, left, right, far, clock, over: splice(left, right, { clock }) };
}

describe('splice', () => {
  it('copies both ways, and each end for itself', async () => {
    const { near, far, over } = spliced();
    near.end('question');
    assert.equal((await textOf(far)).text, 'question');
    assert.equal(near.readableEnded, false);
    far.end('answer');
    assert.equal((await textOf(near)).text, 'answer');
    assert.equal(await over, undefined);
  });

  it('a side that fails takes the other with it', async () => {
    for (const side of ['left', 'right'] as const) {
      const { near, left, right, far, over, clock } = spliced();
      near.resume();
      far.resume();
      (side === 'left' ? near : far).resetConnection();
      const failure = await over;
      assert.equal(failure?.side, side);
      assert.ok(failure);
      assert.equal((failure.error as NodeJS.ErrnoException).code, 'ECONNRESET');
      assert.ok(left.destroyed && right.destroyed);
      assert.equal(clock.pending, 0);
    }
  });

  it('a reset that comes together with the last bytes is no end', async () => {
    // Node says 'end' there.
    const server = createServer((socket) => {
      socket.on('error', () => {}).write('some', () => setImmediate(() => socket.resetAndDestroy()));
    });
    const port = await listenOn(server);
    for (let round = 0; round < 5; round++) {
      const [near, left] = duplexPair();
      near.on('error', () => {});
      const right = connect(port, '127.0.0.1');
      const got = textOf(near);
      const failure = await splice(left, right);
      assert.equal(failure?.side, 'right');
      assert.ok(left.destroyed);
      assert.equal(left.writableEnded, false, 'no end was passed on');
      near.destroy();
      assert.ok(['', 'some'].includes((await got).text));
    }
    server.close();
    await once(server, 'close');
  });

  it('a side that had sent everything before it failed: the other still gets it', async () => {
    const { near, left, far, over } = spliced();
    near.end('everything');
    await once(left, 'end');
    left.destroy(new Error('gone'));
    assert.equal((await over)?.side, 'left');
    assert.equal((await textOf(far)).text, 'everything');
  });

  it('but not for ever', async () => {
    const { near, left, right, over, clock } = spliced();
    near.end(Buffer.alloc(10 * 1024));
    await once(left, 'end');
    // Nobody reads at the far end.
    right.cork();
    left.destroy(new Error('gone'));
    await over;
    clock.advance(9_999);
    assert.equal(right.destroyed, false);
    clock.advance(1);
    assert.equal(right.destroyed, true);
    assert.equal(clock.pending, 0);
  });

  it('a side that is over before it begins fails at once', async () => {
    const [left] = duplexPair();
    const [right, far] = duplexPair();
    far.on('error', () => {});
    left.destroy();
    assert.equal((await splice(left, right, { clock: new VirtualClock() }))?.side, 'left');
    assert.equal(right.destroyed, true);
  });

  it('holds a fast sender back when the other side does not read', async () => {
    const { near, far, over } = spliced();
    let written = 0;
    while (near.write(Buffer.alloc(16 * 1024))) written += 16 * 1024;
    let drained = false;
    near.once('drain', () => (drained = true));
    for (let turn = 0; turn < 100; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (drained) {
        drained = false;
        near.once('drain', () => (drained = true));
        while (near.write(Buffer.alloc(16 * 1024))) written += 16 * 1024;
      }
    }
    assert.ok(written < 1024 * 1024, `${written} bytes were taken`);
    far.resetConnection();
    await over;
  });
});

it('abort() resets a socket, so that its peer sees no end', async () => {
  const server = createServer();
  const port = await listenOn(server);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect(port, '127.0.0.1');
  const [socket] = await accepted;
  const ended = new Promise<string>((resolve) => {
    client.once('end', () => resolve('end'));
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
  client.resume();
  abort(socket);
  assert.equal(await ended, 'ECONNRESET');
  server.close();
  await once(server, 'close');
});
