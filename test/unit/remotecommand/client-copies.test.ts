import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { copyInput } from '../../../src/remotecommand/client-input.js';
import { Collector, copyOutput, writableSink } from '../../../src/remotecommand/client-output.js';
import { sendResizes } from '../../../src/remotecommand/client-resize.js';
import { textOf } from './support.js';

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

for (const [name, input] of [
  ['text', 'abc'],
  ['bytes', Buffer.from('abc')],
  ['a stream', Readable.from(['a', Buffer.from('bc')])],
  [
    'an async iterable',
    (async function* () {
      yield 'ab';
      yield Buffer.from('c');
    })(),
  ],
] as const) {
  test(`stdin from ${name}, to its end`, async () => {
    const remote = new PassThrough();
    const text = textOf(remote);
    copyInput(input, remote);
    assert.equal(await text, 'abc');
  });
}

test('stdin honours backpressure', async () => {
  let pulled = 0;
  async function* source(): AsyncGenerator<Buffer> {
    for (;;) {
      pulled++;
      yield Buffer.alloc(1024);
    }
  }
  const remote = new Duplex({ read() {}, write() {}, writableHighWaterMark: 4096 });
  const { release } = copyInput(source(), remote);
  await settle();
  assert.ok(pulled < 20, `${pulled} chunks`);
  release();
});

test('a stdin that fails says so, and the remote side is not ended', async () => {
  const source = new PassThrough();
  const remote = new PassThrough();
  const { failed } = copyInput(source, remote);
  source.destroy(new Error('disk gone'));
  await assert.rejects(failed, /disk gone/);
  assert.equal(remote.writableEnded, false);
});

for (const [name, source] of [
  ['destroyed', () => new PassThrough().destroy()],
  ['failed', () => new PassThrough().on('error', () => {}).destroy(new Error('before'))],
] as const) {
  test(`a stdin that is ${name} before is an error`, async () => {
    const stream = source();
    await settle();
    await assert.rejects(copyInput(stream, new PassThrough()).failed);
  });
}

test('a stdin that has ended before is just empty', async () => {
  const stream = new PassThrough();
  stream.end();
  stream.resume();
  await settle();
  const remote = new PassThrough();
  copyInput(stream, remote);
  assert.equal(await textOf(remote), '');
});

test('a chunk that is neither text nor bytes is an error', async () => {
  await assert.rejects(copyInput(Readable.from([{ not: 'bytes' }]), new PassThrough()).failed, {
    code: 'ERR_INVALID_ARG_TYPE',
  });
});

test('a remote side that goes away lets go of the source', async () => {
  const source = new PassThrough();
  const remote = new PassThrough();
  copyInput(source, remote);
  source.write('x');
  remote.destroy(new Error('reset'));
  await settle();
  assert.equal(source.listenerCount('data'), 0);
  assert.equal(source.destroyed, false);
});

test('letting go returns from an async iterable, and pauses a stream', async () => {
  let returned = false;
  async function* source(): AsyncGenerator<string> {
    try {
      for (;;) {
        yield 'x';
        await setImmediate();
      }
    } finally {
      returned = true;
    }
  }
  const copy = copyInput(source(), new PassThrough().resume());
  const stream = new PassThrough();
  const other = copyInput(stream, new PassThrough());
  await settle();
  copy.release();
  other.release();
  other.release();
  await settle();
  assert.equal(returned, true);
  assert.equal(stream.isPaused(), true);
});

test('output waits for the sink, for its last callback too', async () => {
  const source = new PassThrough();
  const held: (() => void)[] = [];
  const sink = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void held.push(done) });
  let over = false;
  const copying = copyOutput(source, writableSink(sink)).then((error) => {
    over = true;
    return error;
  });
  source.end('abc');
  await settle();
  assert.equal(over, false);
  held.shift()?.();
  assert.equal(await copying, undefined);
  assert.equal(sink.writableEnded, false, 'the sink is the caller’s to end');
});

test('a sink that fails or is closed rejects', async () => {
  const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('pipe broke')) });
  const source = new PassThrough();
  const copying = copyOutput(source, writableSink(failing));
  source.write('x');
  await assert.rejects(copying, /pipe broke/);
  const closing = new PassThrough();
  const waiting = copyOutput(new PassThrough(), writableSink(closing));
  closing.destroy();
  await assert.rejects(waiting, /closed before the command ended/);
});

test('a source that breaks off is reported once the sink has what came', async () => {
  const source = new PassThrough();
  const sink = new Collector(10, 'limit');
  const copying = copyOutput(source, sink);
  source.write('abc');
  await settle();
  source.destroy(new Error('lost'));
  assert.equal((await copying)?.message, 'lost');
  assert.equal(sink.text, 'abc');
});

test('a source that failed before anybody listened is reported too', async () => {
  const source = new PassThrough().on('error', () => {});
  source.destroy(new Error('early'));
  await settle();
  assert.equal((await copyOutput(source, new Collector(10, 'limit')))?.message, 'early');
});

test('a collector takes its limit and not a byte more', async () => {
  const exact = new Collector(3, 'limit');
  assert.equal(await copyOutput(Readable.from([Buffer.from('abc')]), exact), undefined);
  assert.equal(exact.text, 'abc');
  await assert.rejects(copyOutput(Readable.from([Buffer.from('abcd')]), new Collector(3, 'limit')), {
    code: 'ERR_LIMIT_EXCEEDED',
    limit: 'limit',
  });
});

test('a collector joins characters that were split', async () => {
  const bytes = Buffer.from('a€b');
  const sink = new Collector(10, 'limit');
  await copyOutput(Readable.from([bytes.subarray(0, 2), bytes.subarray(2)]), sink);
  assert.equal(sink.text, 'a€b');
});

test('a terminal tells its size at once and on each change', async () => {
  const terminal = Object.assign(new EventEmitter(), { columns: 80, rows: 24 });
  const remote = new PassThrough();
  const { release } = sendResizes(terminal, remote);
  terminal.columns = 100;
  terminal.emit('resize');
  release();
  terminal.emit('resize');
  remote.end();
  assert.equal(await textOf(remote), '{"Width":80,"Height":24}\n{"Width":100,"Height":24}\n');
  assert.equal(terminal.listenerCount('resize'), 0);
});

test('a terminal without a size sends none', async () => {
  const remote = new PassThrough();
  sendResizes(new EventEmitter(), remote).release();
  remote.end();
  assert.equal(await textOf(remote), '');
});

test('a list of sizes that fails, or holds an impossible one, says so', async () => {
  async function* failing(): AsyncGenerator<{ width: number; height: number }> {
    yield { width: 1, height: 1 };
    throw new Error('no terminal');
  }
  await assert.rejects(sendResizes(failing(), new PassThrough()).failed, /no terminal/);
  async function* impossible(): AsyncGenerator<{ width: number; height: number }> {
    yield { width: -1, height: 1 };
  }
  await assert.rejects(sendResizes(impossible(), new PassThrough()).failed, { code: 'ERR_INVALID_ARGUMENT' });
});
