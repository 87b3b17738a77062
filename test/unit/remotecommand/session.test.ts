import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { ConnectionLostError, IdleTimeoutError } from '../../../src/errors/index.js';
import { ServerSession, serveSession } from '../../../src/remotecommand/session.js';
import type { RemoteCommandSession } from '../../../src/remotecommand/types.js';
import { FakeStreams, REQ, REQUEST, textOf } from './support.js';

const silent = (): void => {};

test('everything written arrives before the ends, and the Status last', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  const order: string[] = [];
  streams.stdout.on('end', () => order.push('stdout'));
  streams.stderr.on('end', () => order.push('stderr'));
  streams.error.on('data', () => order.push('status'));
  const error = textOf(streams.error);
  const running = serveSession(
    session,
    ({ stdout, stderr }) => {
      for (let i = 0; i < 100; i++) stdout?.write('x'.repeat(10_000));
      stderr?.write('oops');
      return 7;
    },
    silent,
  );
  await setImmediate();
  assert.equal(streams.error.readableLength, 0, 'no Status while output waits');
  const [out, err] = await Promise.all([textOf(streams.stdout), textOf(streams.stderr)]);
  assert.equal(out.length, 1_000_000);
  assert.equal(err, 'oops');
  assert.match(await error, /"message":"7"/);
  await running;
  assert.equal(order.at(-1), 'status');
  assert.equal(streams.closes, 1);
  assert.equal((session.signal.reason as { code: string }).code, 'ERR_SESSION_FINISHED');
});

test('only the first finish counts', async () => {
  const streams = new FakeStreams();
  for (const stream of [streams.stdout, streams.stderr]) stream.resume();
  const session = new ServerSession(streams, REQUEST, REQ);
  const error = textOf(streams.error);
  const first = session.finish(3);
  assert.equal(session.finish(4), first);
  await first;
  assert.match(await error, /exit code 3/);
});

for (const [name, run, expected] of [
  ['nothing', () => undefined, /"Success"/],
  ['a number', () => Promise.resolve(9), /"message":"9"/],
  ['a Status', () => ({ status: 'Failure', reason: 'NotFound', code: 404 }), /"NotFound"/],
  ['an Error', () => new Error('boom'), /"InternalError".*boom|boom.*"InternalError"/],
  [
    'a throw',
    () => {
      throw new Error('boom');
    },
    /"InternalError"/,
  ],
  ['a rejection with no Error', () => Promise.reject('boom'), /boom/],
] as const) {
  test(`a run function that gives ${name} finishes the session`, async () => {
    const streams = new FakeStreams();
    for (const stream of [streams.stdout, streams.stderr]) stream.resume();
    const error = textOf(streams.error);
    await serveSession(new ServerSession(streams, REQUEST, REQ), run, silent);
    assert.match(await error, expected);
  });
}

test('a Status that is no JSON becomes an internal error', async () => {
  const streams = new FakeStreams();
  for (const stream of [streams.stdout, streams.stderr]) stream.resume();
  const error = textOf(streams.error);
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  await new ServerSession(streams, REQUEST, REQ).finish({ metadata: circular });
  assert.match(await error, /InternalError/);
});

test('stdin has backpressure, its end, and is discarded once the session finishes', async () => {
  const streams = new FakeStreams();
  for (const stream of [streams.stdout, streams.stderr, streams.error]) stream.resume();
  const session = new ServerSession(streams, REQUEST, REQ);
  let writes = 0;
  while (streams.stdin.write(Buffer.alloc(16 * 1024)) && writes < 100) {
    writes++;
    await setImmediate();
  }
  assert.ok(writes < 100, 'nobody reads: writing has to stop');
  const drained = new Promise((resolve) => streams.stdin.once('drain', resolve));
  await session.finish(0);
  await drained;
  for (let i = 0; i < 100; i++) streams.stdin.write(Buffer.alloc(16 * 1024));
  streams.stdin.end();
  await new Promise((resolve) => streams.stdin.once('end', resolve));
});

test('stdin ends as the client half-closes', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  assert.ok(session.stdin);
  const text = textOf(session.stdin);
  streams.stdin.end('abc');
  assert.equal(await text, 'abc');
  assert.equal(session.signal.aborted, false);
  streams.lose();
  await session.closed;
});

test('a client that goes away fails stdin and outputs and aborts the signal', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  assert.ok(session.stdin);
  const reading = assert.rejects(textOf(session.stdin));
  streams.lose();
  await reading;
  await setImmediate();
  assert.ok(session.signal.reason instanceof ConnectionLostError);
  assert.equal(session.stdout?.destroyed, true);
  const sizes = session.resizes[Symbol.asyncIterator]();
  assert.equal((await sizes.next()).done, true);
  await session.finish(0);
});

test('an idle timeout is told apart', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  streams.lose({ kind: 'idle-timeout', initiator: 'local' });
  await setImmediate();
  assert.ok(session.signal.reason instanceof IdleTimeoutError);
});

test('a client lost while the tail waits ends finish', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  session.stdout?.write(Buffer.alloc(1024 * 1024));
  const finished = session.finish(0);
  await setImmediate();
  streams.lose();
  await finished;
  assert.ok(session.signal.reason instanceof ConnectionLostError);
});

test('throwing after the client is gone reaches nobody', async () => {
  const streams = new FakeStreams();
  const session = new ServerSession(streams, REQUEST, REQ);
  let reported = 0;
  await serveSession(
    session,
    async () => {
      streams.lose();
      await setImmediate();
      session.stdout?.write('late');
      throw new Error('boom');
    },
    () => reported++,
  );
  assert.equal(reported, 0);
});

test('a failing observer does no harm', async () => {
  const streams = new FakeStreams();
  for (const stream of [streams.stdout, streams.stderr]) stream.resume();
  const error = textOf(streams.error);
  const seen: RemoteCommandSession[] = [];
  const session = new ServerSession(streams, REQUEST, REQ);
  await serveSession(
    session,
    () => {
      throw new Error('boom');
    },
    (_error, of) => {
      seen.push(of);
      throw new Error('observer');
    },
  );
  assert.deepEqual(seen, [session]);
  assert.match(await error, /boom/);
});

test('a write after the finish fails by itself, and takes nothing with it that was written before', async () => {
  const streams = new FakeStreams();
  streams.stderr.resume();
  const session = new ServerSession(streams, REQUEST, REQ);
  assert.ok(session.stdout);
  const error = textOf(streams.error);
  // More than the wire takes at once, so that some of it waits.
  for (let i = 0; i < 100; i++) session.stdout.write('x'.repeat(10_000));
  const finished = session.finish(0);
  const late = new Promise((resolve) => session.stdout?.write('late', resolve));
  assert.equal(session.stdout.write('later'), false);
  assert.equal(((await late) as { code: string }).code, 'ERR_SESSION_FINISHED');
  assert.equal((await textOf(streams.stdout)).length, 1_000_000);
  await finished;
  assert.match(await error, /Success/);
});

test('an output that the application destroys still ends for the client', async () => {
  const streams = new FakeStreams();
  streams.stderr.resume();
  const session = new ServerSession(streams, REQUEST, REQ);
  const out = textOf(streams.stdout);
  session.stdout?.write('before');
  session.stdout?.destroy(new Error('broken'));
  const error = textOf(streams.error);
  await session.finish(1);
  assert.equal(await out, 'before');
  assert.match(await error, /exit code 1/);
});
