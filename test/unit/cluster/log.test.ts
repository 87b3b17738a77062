import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogBuffer } from '../../../src/cluster/log-buffer.js';
import { LogReader, type LogReaderOptions } from '../../../src/cluster/log-reader.js';

let time = 0;
const clock = { now: () => new Date(Date.UTC(2026, 0, 1) + 1000 * time) };
const ONCE: LogReaderOptions = { follow: false, timestamps: false };

async function read(log: LogBuffer, options: Partial<LogReaderOptions> = {}): Promise<string> {
  let text = '';
  for await (const chunk of new LogReader(log, { ...ONCE, ...options })) text += String(chunk);
  return text;
}

function logOf(...chunks: readonly string[]): LogBuffer {
  const log = new LogBuffer(1024 * 1024, clock);
  for (const chunk of chunks) log.append('stdout', Buffer.from(chunk));
  return log;
}

describe('LogBuffer', () => {
  it('joins lines that come in pieces, and keeps both outputs apart', async () => {
    const log = logOf('one\ntw');
    log.append('stderr', Buffer.from('err'));
    log.append('stdout', Buffer.from('o\n'));
    assert.equal(await read(log), 'one\ntwo\n');
    log.end();
    assert.equal(await read(log), 'one\ntwo\nerr');
    assert.ok(log.ended);
  });

  it('cuts lines without end into pieces that are shown at once', async () => {
    const log = logOf('x'.repeat(100_000));
    assert.ok((await read(log)).length >= 100_000 - 16 * 1024);
    log.append('stdout', Buffer.from('y\n'));
    assert.equal(await read(log), `${'x'.repeat(100_000)}y\n`);
    assert.equal((await read(log, { tailLines: 1 })).length, 100_002);
    assert.equal((await read(log, { timestamps: true })).match(/2026/g)?.length, 1);
  });

  it('stays within its bytes, dropping the oldest lines', async () => {
    const log = new LogBuffer(10_000, clock);
    for (let line = 0; line < 50_000; line++) log.append('stdout', Buffer.from(`line ${line}\n`));
    const text = await read(log);
    assert.ok(text.length < 10_000);
    assert.ok(text.endsWith('line 49998\nline 49999\n'));
    const lines = text.trimEnd().split('\n').length;
    assert.equal(log.next - log.first, lines);
    assert.equal(log.next, 50_000);
  });
});

describe('LogReader', () => {
  it('ends without follow where the log ended when it was asked for, however fast it grows', async () => {
    const log = logOf('one\n', 'two\n');
    const reader = new LogReader(log, ONCE);
    log.append('stdout', Buffer.from('three\n'));
    let text = '';
    for await (const chunk of reader) text += String(chunk);
    assert.equal(text, 'one\ntwo\n');
  });

  it('starts at the tail, or at a time, and ends after a number of bytes', async () => {
    time = 0;
    const log = logOf('a\nb\n');
    time = 10;
    log.append('stdout', Buffer.from('c\nd\n'));
    assert.equal(await read(log, { tailLines: 3 }), 'b\nc\nd\n');
    assert.equal(await read(log, { tailLines: 0 }), '');
    assert.equal(await read(log, { tailLines: 99 }), 'a\nb\nc\nd\n');
    assert.equal(await read(log, { since: new Date(Date.UTC(2026, 0, 1, 0, 0, 5)) }), 'c\nd\n');
    assert.equal(await read(log, { limitBytes: 3 }), 'a\nb');
    assert.equal(await read(log, { timestamps: true, tailLines: 1 }), '2026-01-01T00:00:10.000Z d\n');
  });

  it('follows until the log ends', async () => {
    const log = logOf('a\n');
    const text = read(log, { follow: true });
    log.append('stdout', Buffer.from('b\n'));
    await new Promise(setImmediate);
    log.append('stderr', Buffer.from('c'));
    log.end();
    assert.equal(await text, 'a\nb\nc');
  });

  it('holds no queue: a reader that was overtaken is told so', async () => {
    const log = new LogBuffer(100_000, clock);
    const reader = new LogReader(log, { ...ONCE, follow: true });
    log.append('stdout', Buffer.from('first\n'));
    reader.read(0);
    for (let line = 0; line < 100_000; line++) log.append('stdout', Buffer.from(`line ${line}\n`));
    assert.ok(reader.readableLength <= 70_000);
    log.end();
    let text = '';
    for await (const chunk of reader) text += String(chunk);
    assert.match(text, /^first\n/);
    assert.match(text, /\[\d+ lines were dropped before they were read\]\n/);
    assert.ok(text.endsWith('line 99999\n'));
  });

  it('lets go of the log when destroyed', async () => {
    const log = logOf('a\n');
    const reader = new LogReader(log, { ...ONCE, follow: true });
    reader.resume();
    reader.destroy();
    log.append('stdout', Buffer.from('b\n'));
    await new Promise(setImmediate);
    assert.ok(reader.destroyed);
  });
});
