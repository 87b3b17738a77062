// The rules of etcd v3's watch (api/etcdserverpb/rpc.proto, server/etcdserver/api/v3rpc/watch.go), as far as they are about
// a log; and what cursors add to them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { GrpcWatchOptions } from '../../src/push/grpc/index.js';
import { EventLog } from '../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../src/push/log/settings.js';
import { VirtualClock } from '../../src/testing/index.js';
import {
  serveWatch,
  textsOf,
  WatchClient,
  type Response,
  type WatchingCall,
  type WatchServer,
} from '../support/grpc-watch.js';

class Setup implements AsyncDisposable {
  readonly log: EventLog;
  readonly server: WatchServer;
  readonly client: WatchClient;

  constructor(log: EventLog, server: WatchServer) {
    this.log = log;
    this.server = server;
    this.client = new WatchClient(server.address);
  }

  static async make(options?: GrpcWatchOptions, logOptions: EventLogOptions = {}): Promise<Setup> {
    const log = new EventLog(logOptions);
    return new Setup(log, await serveWatch(log, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    this.log.close();
    await this.server[Symbol.asyncDispose]();
  }
}

const created = ({ created: yes, canceled }: Response): boolean => yes && !canceled;
const withEvents = ({ events }: Response): boolean => events.length > 0;

describe('creating watches', { timeout: 20_000 }, () => {
  it('is answered by `created` before any event, with the ids 0, 1, … when the client gives none', async () => {
    await using setup = await Setup.make();
    const { responses, create } = setup.client.watch();
    setup.log.publish('a', 'kept');
    create({ streams: ['a'], start_revision: 1 });
    create({ streams: ['b'] });
    const first = await responses.next();
    assert.ok(created(first));
    assert.deepEqual([first.watch_id, first.header.run, first.events], ['0', setup.log.origin, []]);
    const second = await responses.find(created);
    assert.equal(second.watch_id, '1');
    // Nothing is missing between this revision and what comes.
    assert.equal(second.header.revision, '1');
    assert.deepEqual(textsOf(responses.all), ['kept']);
  });

  it('takes an id of the client, and tells each event to the watches that want it', async () => {
    await using setup = await Setup.make({ wildcards: true });
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], watch_id: 7 });
    create({ streams: ['*'], watch_id: '9007199254740993' });
    create({ streams: ['b'] });
    for (let i = 0; i < 3; i++) await responses.find(created);
    setup.log.publish('a', 'for two', { type: 'greeting' });
    const got = [await responses.find(withEvents), await responses.find(withEvents)];
    assert.deepEqual(got.map(({ watch_id }) => watch_id).toSorted(), ['7', '9007199254740993']);
    for (const { events, header } of got) {
      assert.deepEqual(
        events.map(({ stream, type, data, revision }) => [stream, type, data.toString(), revision]),
        [['a', 'greeting', 'for two', '1']],
      );
      assert.equal(header.revision, '1');
      assert.equal(header.cursor, events[0]?.cursor);
    }
    assert.equal(responses.unread, 0);
  });

  it('is refused with created, canceled, the id -1 and a reason, and the call goes on', async () => {
    await using setup = await Setup.make({ maxWatches: 2 });
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], watch_id: 5 });
    assert.ok(created(await responses.next()));
    const refused: [object, RegExp][] = [
      [{ streams: ['a'], watch_id: 5 }, /watch_id is in use/],
      [{ streams: ['a'], watch_id: -1 }, /watch_id is in use/],
      [{ streams: [] }, /no stream is named/],
      [{ streams: ['a\nb'] }, /control characters/],
      [{ streams: ['a*'] }, /patterns are not allowed/],
      [{ streams: ['a'], cursor: 'no cursor!' }, /cursor is malformed/],
      [{ streams: ['a'], cursor: `${setup.log.origin}zzz` }, /ahead/],
      [{ streams: ['a'], cursor: `${setup.log.origin}0`, start_revision: 1 }, /not at both/],
      [{ streams: ['a'], start_revision: '9223372036854775807' }, /out of range/],
    ];
    for (const [request, reason] of refused) {
      create(request);
      const answer = await responses.next();
      assert.deepEqual([answer.watch_id, answer.created, answer.canceled], ['-1', true, true], String(reason));
      assert.match(answer.cancel_reason, reason);
    }
    create({ streams: ['b'] });
    assert.ok(created(await responses.next()));
    create({ streams: ['c'] });
    assert.match((await responses.next()).cancel_reason, /at most 2 watches/);
  });
});

describe('cancelling watches', { timeout: 20_000 }, () => {
  it('is answered by `canceled`, and no event of the watch follows', async () => {
    await using setup = await Setup.make();
    const { responses, create, cancel, progress } = setup.client.watch();
    create({ streams: ['a'], watch_id: 1 });
    create({ streams: ['a'], watch_id: 2 });
    await responses.find(({ watch_id }) => watch_id === '2');
    cancel('1');
    const answer = await responses.next();
    assert.deepEqual([answer.watch_id, answer.created, answer.canceled, answer.cancel_reason], ['1', false, true, '']);
    setup.log.publish('a', 'for the other');
    assert.equal((await responses.next()).watch_id, '2');
    progress();
    assert.equal((await responses.next()).watch_id, '-1');
    assert.deepEqual(textsOf(responses.all, '1'), []);
    // The id is free again.
    create({ streams: ['a'], watch_id: 1 });
    assert.ok(created(await responses.next()));
  });

  it('of what is no watch is answered the same way, with a reason', async () => {
    await using setup = await Setup.make();
    const { responses, cancel } = setup.client.watch();
    cancel('77');
    const { watch_id, canceled, cancel_reason } = await responses.next();
    assert.deepEqual([watch_id, canceled, cancel_reason], ['77', true, 'there is no such watch']);
  });
});

describe('start_revision', { timeout: 20_000 }, () => {
  it('is inclusive, and may be one that is still to come', async () => {
    await using setup = await Setup.make({ ahead: 'wait' });
    for (const text of ['1', '2', '3']) setup.log.publish('a', text);
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], start_revision: 2 });
    assert.equal((await responses.find(created)).header.revision, '1');
    await responses.find(withEvents);
    assert.deepEqual(textsOf(responses.all), ['2', '3']);
    create({ streams: ['a'], start_revision: 6, watch_id: 9 });
    assert.equal((await responses.find(created)).header.revision, '3');
    for (const text of ['4', '5', '6', '7']) {
      setup.log.publish('a', text);
      await turn();
    }
    await responses.find(({ watch_id, events }) => watch_id === '9' && events.at(-1)?.revision === '7');
    assert.deepEqual(textsOf(responses.all, '9'), ['6', '7']);
  });

  it('that is compacted is created, then cancelled with the oldest revision that can be had', async () => {
    await using setup = await Setup.make({}, { history: { events: 2, bytes: 1_000_000, age: 300_000 } });
    for (const text of ['1', '2', '3', '4']) setup.log.publish('a', text);
    const { responses, create } = setup.client.watch();
    for (const start_revision of [1, 2, -5]) {
      create({ streams: ['a'], start_revision, watch_id: 4 });
      const answer = await responses.next();
      assert.ok(created(answer));
      const cancelled = await responses.next();
      assert.deepEqual(
        [cancelled.watch_id, cancelled.created, cancelled.canceled, cancelled.compact_revision],
        ['4', false, true, '3'],
      );
    }
    create({ streams: ['a'], start_revision: 3 });
    await responses.find(withEvents);
    assert.deepEqual(textsOf(responses.all), ['3', '4']);
  });

  it('ahead of the run, past the next, is taken for one of another run: it would pass over what comes', async () => {
    await using setup = await Setup.make();
    setup.log.publish('a', '1');
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], start_revision: 3 });
    await responses.find(created);
    const cancelled = await responses.next();
    assert.deepEqual(
      [cancelled.canceled, cancelled.compact_revision, cancelled.cancel_reason],
      [true, '1', 'the required revision lies ahead of this run'],
    );
    create({ streams: ['a'], start_revision: 2 });
    assert.equal((await responses.find(created)).header.revision, '1');
    setup.log.publish('a', '2');
    assert.deepEqual(textsOf([await responses.find(withEvents)]), ['2']);
  });

  it('of another run is compacted, when the client says of which run it is', async () => {
    await using setup = await Setup.make();
    setup.log.publish('a', '1');
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], start_revision: 1, run: 'zzzzzzzz' });
    await responses.find(created);
    const cancelled = await responses.next();
    assert.deepEqual(
      [cancelled.canceled, cancelled.compact_revision, cancelled.header.run],
      [true, '1', setup.log.origin],
    );
    create({ streams: ['a'], start_revision: 1, run: setup.log.origin });
    assert.deepEqual(textsOf([await responses.find(withEvents)]), ['1']);
  });
});

describe('cursors', { timeout: 20_000 }, () => {
  it('resume behind any event, and from a watch that got none', async () => {
    await using setup = await Setup.make();
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'] });
    const { header } = await responses.find(created);
    for (const text of ['1', '2', '3']) setup.log.publish('a', text);
    const { events } = await responses.find(withEvents);
    assert.deepEqual(
      events.map(({ data }) => data.toString()),
      ['1', '2', '3'],
    );
    for (const [cursor, expected] of [
      [header.cursor, ['1', '2', '3']],
      [events[0]?.cursor, ['2', '3']],
      [events[1]?.cursor, ['3']],
    ] as const) {
      create({ streams: ['a'], cursor });
      assert.ok(created(await responses.next()));
      assert.deepEqual(textsOf([await responses.next()]), expected);
    }
  });

  it('older than the history bring a gap, and go on', async () => {
    await using setup = await Setup.make({}, { history: { events: 2, bytes: 1_000_000, age: 300_000 } });
    const first = setup.log.cursor('a');
    for (const text of ['1', '2', '3', '4']) setup.log.publish('a', text);
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], cursor: first });
    const told = await responses.find(({ gap }) => gap !== null);
    assert.equal(told.gap?.reason, 'expired');
    assert.deepEqual(told.gap.streams, ['a']);
    assert.deepEqual([told.gap.missing[0]?.origin, told.gap.missing[0]?.through], [setup.log.origin, '2']);
    if (!withEvents(told)) await responses.find(withEvents);
    assert.deepEqual(textsOf(responses.all), ['3', '4']);
    setup.log.publish('a', '5');
    assert.deepEqual(textsOf([await responses.find(withEvents)]), ['5']);
  });
});

describe('a mesh', { timeout: 20_000 }, () => {
  it('tells of events that are lost where they would have been, before those behind them', async () => {
    await using setup = await Setup.make();
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'] });
    await responses.find(created);
    const remote = { origin: 'remote00', stream: 'a', type: 'message', age: 0 };
    setup.log.append({ ...remote, n: 1, data: 'remote 1' });
    setup.log.appendLoss('remote00', 3);
    setup.log.append({ ...remote, n: 4, data: 'remote 4' });
    setup.log.publish('a', 'local');
    const first = await responses.next();
    const second = await responses.next();
    assert.deepEqual([textsOf([first]), first.gap], [['remote 1'], null]);
    assert.equal(second.gap?.reason, 'lost');
    const [missing] = second.gap.missing;
    assert.deepEqual([missing?.origin, missing?.after, missing?.through], ['remote00', '1', '3']);
    assert.deepEqual(textsOf([second]), ['remote 4', 'local']);
    assert.deepEqual(second.header.cursor, setup.log.cursor('a'));
  });
});

describe('a client that falls behind', { timeout: 20_000 }, () => {
  const SMALL = { history: { events: 4, bytes: 64 * 1024 * 1024, age: 300_000 } };
  const EVENT = 'x'.repeat(200_000);

  /** Publishes until the watch is overtaken, then lets the client read. */
  async function overtake(setup: Setup, call: WatchingCall): Promise<void> {
    call.call.pause();
    const due = (): number => setup.log.subscribers()[0]?.lag ?? 0;
    let published = 0;
    while (due() < 4) {
      assert.ok(published++ < 500, 'everything is taken');
      setup.log.publish('a', EVENT);
      await turn();
    }
    for (let i = 0; i < 8; i++) setup.log.publish('a', EVENT);
    call.call.resume();
  }

  it('and counts by revision is cancelled as compacted', async () => {
    await using setup = await Setup.make({}, SMALL);
    const call = setup.client.watch();
    call.create({ streams: ['a'], start_revision: 1 });
    await call.responses.find(created);
    await overtake(setup, call);
    const { compact_revision, cancel_reason, header } = await call.responses.find(({ canceled }) => canceled);
    assert.equal(Number(compact_revision), setup.log.oldestIndex('a'));
    assert.match(cancel_reason, /compacted/);
    assert.deepEqual(setup.log.subscribers(), []);
    // The position beside it brings the gap instead.
    call.create({ streams: ['a'], cursor: header.cursor });
    await call.responses.find(({ gap }) => gap !== null);
  });

  it('and has a cursor is told of the gap and goes on', async () => {
    await using setup = await Setup.make({}, SMALL);
    const call = setup.client.watch();
    call.create({ streams: ['a'] });
    await call.responses.find(created);
    await overtake(setup, call);
    const told = await call.responses.find(({ gap }) => gap !== null);
    assert.equal(told.gap?.reason, 'overtaken');
    setup.log.publish('a', 'after');
    await call.responses.find(({ events }) => events.some(({ data }) => data.toString() === 'after'));
  });
});

describe('progress', { timeout: 20_000 }, () => {
  it('is answered once nothing is due any more, with the id -1 and the newest revision', async () => {
    await using setup = await Setup.make();
    const { responses, create, progress } = setup.client.watch();
    create({ streams: ['a'] });
    create({ streams: ['b'] });
    await responses.find(created);
    await responses.find(created);
    for (const stream of ['a', 'b', 'c']) setup.log.publish(stream, stream);
    progress();
    const answer = await responses.find(({ watch_id }) => watch_id === '-1');
    assert.equal(answer.header.revision, '3');
    assert.deepEqual(textsOf(responses.all).toSorted(), ['a', 'b']);
    assert.equal(answer.header.cursor, '');
  });

  it('of a call with one watch brings the position to resume from', async () => {
    await using setup = await Setup.make();
    const { responses, create, progress } = setup.client.watch();
    create({ streams: ['a'] });
    await responses.find(created);
    setup.log.publish('other', 'x');
    progress();
    const { header } = await responses.next();
    assert.equal(header.revision, '1');
    create({ streams: ['a'], cursor: header.cursor });
    assert.ok(created(await responses.next()));
  });

  it('is told now and then to quiet watches that want it, and to no others', async () => {
    const clock = new VirtualClock();
    await using setup = await Setup.make({ progressInterval: 1_000 }, { clock });
    const { responses, create } = setup.client.watch();
    create({ streams: ['a'], progress_notify: true, watch_id: 1 });
    create({ streams: ['a'], watch_id: 2 });
    await responses.find(({ watch_id }) => watch_id === '2');
    clock.advance(1_000);
    const quiet = await responses.next();
    assert.deepEqual([quiet.watch_id, quiet.created, quiet.events.length, quiet.header.revision], ['1', false, 0, '0']);
    setup.log.publish('a', 'busy');
    await responses.find(withEvents);
    await responses.find(withEvents);
    clock.advance(1_000);
    setup.log.publish('b', 'not theirs');
    clock.advance(1_000);
    const next = await responses.next();
    assert.deepEqual([next.watch_id, next.header.revision], ['1', '2']);
    assert.equal(responses.unread, 0);
  });
});

describe('the end of a call', { timeout: 20_000 }, () => {
  it('that its client half-closes waits for its watches', async () => {
    await using setup = await Setup.make();
    const { call, responses, create, ended } = setup.client.watch();
    create({ streams: ['a'], watch_id: 3 });
    await responses.find(created);
    call.end();
    setup.log.publish('a', 'still here');
    assert.deepEqual(textsOf([await responses.find(withEvents)]), ['still here']);
    setup.log.close();
    assert.equal((await ended)?.code, 14);

    await using other = await Setup.make();
    const idle = other.client.watch();
    idle.call.end();
    assert.equal(await idle.ended, undefined);
  });

  it('is UNAVAILABLE when the log is closed, now or before', async () => {
    await using setup = await Setup.make();
    const one = setup.client.watch();
    one.create({ streams: ['a'] });
    await one.responses.find(created);
    setup.log.close();
    const error = await one.ended;
    assert.deepEqual([error?.code, error?.details], [14, 'the server is shutting down']);
    const late = setup.client.watch();
    late.create({ streams: ['a'] });
    assert.equal((await late.ended)?.code, 14);
    assert.deepEqual(setup.log.subscribers(), []);
  });

  it('by cancellation, deadline or lost connection ends its followers', async () => {
    await using setup = await Setup.make();
    const gone = async (): Promise<void> => {
      while (setup.log.subscribers().length > 0) await turn();
    };
    const cancelled = setup.client.watch();
    cancelled.create({ streams: ['a', 'b'] });
    cancelled.create({ streams: ['c'] });
    await cancelled.responses.find(created);
    await cancelled.responses.find(created);
    assert.equal(setup.log.subscribers().length, 2);
    cancelled.call.cancel();
    await gone();

    const late = setup.client.watch({}, { deadline: new Date(performance.timeOrigin + performance.now() + 1_500) });
    late.create({ streams: ['a'] });
    await late.responses.find(created);
    assert.equal((await late.ended)?.code, 4);
    await gone();

    using other = new WatchClient(setup.server.address);
    const lost = other.watch();
    lost.create({ streams: ['a'] });
    await lost.responses.find(created);
    other[Symbol.dispose]();
    lost.call.cancel();
    await gone();
  });
});
