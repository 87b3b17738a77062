// Rows 14 and 28: watches that are not read, or slowly.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { EventLog, type EventLogOptions, watchHandler, type WatchHandlerOptions } from '../../src/push/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { documentsOf, open, serve } from '../support/push-json.js';

interface Watched extends AsyncDisposable {
  readonly log: EventLog;
  readonly clock: VirtualClock;
  /** Bytes that wait in sockets and responses, of all that are open. */
  waiting(): number;
  open(query?: string): ReturnType<typeof open>;
}

interface Document {
  readonly type: string;
  readonly object: {
    readonly data?: string;
    readonly code?: number;
    readonly metadata: { readonly resourceVersion: string };
  };
}

async function startWatched(options: WatchHandlerOptions = {}, logOptions: EventLogOptions = {}): Promise<Watched> {
  const clock = new VirtualClock();
  const log = new EventLog({ clock, ...logOptions });
  const handler = watchHandler(log, { stream: 'a', ...options });
  const pending = new Map<object, () => number>();
  const server = await serve((req, res) => {
    const { socket } = req;
    pending.set(res, () => Math.max(socket.writableLength, res.writableLength));
    res.once('close', () => pending.delete(res));
    handler(req, res);
  });
  return {
    log,
    clock,
    waiting: () => [...pending.values()].reduce((bytes, count) => bytes + count(), 0),
    open: (query = '') => open(`${server.url}/?watch=1&${query}`),
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const PIECE = 'x'.repeat(60_000);

/** Publishes until the first of the watches is stuck, with time for the others to read. */
async function publishUntilStuck({ log, waiting }: Watched): Promise<number> {
  let published = 0;
  for (let quiet = 0; quiet < 20;) {
    log.publish('a', PIECE);
    published += 1;
    await turn();
    await turn();
    quiet = waiting() > 0 ? quiet + 1 : 0;
    assert.ok(published < 5000, 'nobody is stuck');
  }
  return published;
}

describe('a watch that nobody reads', { timeout: 60_000 }, () => {
  it('holds a bounded number of bytes while others are served, and is cut off', async () => {
    const watched = await startWatched({ writeTimeout: 10_000 });
    await using _ = watched;
    const { log, clock, waiting } = watched;
    const stalled = await watched.open();
    const honest = await watched.open();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { type } of documentsOf<Document>(honest)) seen.push(type);
    })();
    const published = await publishUntilStuck(watched);
    for (let i = 0; i < 50; i++) {
      log.publish('a', PIECE);
      await turn();
    }
    while (seen.length < published + 50) await turn();
    // A slice, and what the stream machinery of Node takes on top.
    assert.ok(waiting() < 512 * 1024, `${waiting()} bytes wait`);
    assert.equal(log.subscribers().length, 2);
    for (let i = 0; i < 12; i++) {
      clock.advance(1250);
      await turn();
    }
    assert.equal(log.stats().ended['watch']?.stalled, 1);
    while (log.subscribers().length > 1) await turn();
    stalled.on('error', () => {});
    log.close();
    await reading;
  });

  it('gets no bookmarks on top', async () => {
    const watched = await startWatched({ writeTimeout: 0, bookmarkInterval: 1000 });
    await using _ = watched;
    const stalled = await watched.open('allowWatchBookmarks=true');
    await publishUntilStuck(watched);
    const before = watched.waiting();
    watched.clock.advance(1_000_000);
    assert.equal(watched.waiting(), before);
    stalled.destroy();
    await once(stalled, 'close');
  });

  it('is told that it missed something when it reads again, and ended', async () => {
    const watched = await startWatched({ writeTimeout: 0 }, { history: { events: 10 } });
    await using _ = watched;
    const slow = await watched.open('allowWatchBookmarks=true');
    const published = await publishUntilStuck(watched);
    for (let i = 0; i < 20; i++) watched.log.publish('a', PIECE);
    const seen: Document[] = [];
    for await (const document of documentsOf<Document>(slow)) seen.push(document);
    const last = seen.at(-1);
    assert.deepEqual([last?.type, last?.object.code], ['ERROR', 410]);
    const added = seen.filter(({ type }) => type === 'ADDED').length;
    assert.ok(added > 0 && added < published + 20, `${added} of ${published + 20}`);
    assert.equal(slow.complete, true);
    assert.equal(watched.log.stats().gaps.overtaken, 1);
    // It goes on behind what it missed: with the ten that are left.
    const next = await watched.open(`resourceVersion=${last?.object.metadata.resourceVersion ?? ''}`);
    let rest = 0;
    for await (const { type } of documentsOf<Document>(next)) {
      if (type === 'ADDED') rest += 1;
      if (rest === 10) watched.log.close();
    }
    assert.equal(rest, 10);
  });
});
