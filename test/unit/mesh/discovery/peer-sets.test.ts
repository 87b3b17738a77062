import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PeerSets, type PeerSink, type PeerSource } from '../../../../src/mesh/discovery/peer-sets.js';
import type { Peer } from '../../../../src/mesh/discovery/types.js';
import { VirtualClock } from '../../../../src/testing/index.js';

const peer = (host: string, rest: Partial<Peer> = {}): Peer => ({ host, self: false, ...rest });
const hostsOf = ({ value }: IteratorResult<readonly Peer[], undefined>): string[] | undefined =>
  value?.map(({ host }) => host);

/** A source that a test speaks for. */
class Source {
  sink: PeerSink | undefined;
  signal: AbortSignal | undefined;
  fail: (error: unknown) => void = () => {};
  asked = 0;

  readonly run: PeerSource = (sink, signal) => {
    this.asked++;
    this.sink = sink;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.fail = reject;
      signal.addEventListener('abort', () => resolve());
    });
  };

  say(...hosts: readonly string[]): void {
    this.sink?.update(hosts.map((host) => peer(host)));
  }
}

function setUp(debounce = 100): { source: Source; clock: VirtualClock; sets: PeerSets; stop: AbortController } {
  const source = new Source();
  const clock = new VirtualClock();
  const stop = new AbortController();
  return { source, clock, stop, sets: new PeerSets(source.run, { clock, debounce, signal: stop.signal }) };
}

describe('sets of peers', () => {
  it('are asked for when somebody reads, and once', async () => {
    const { source, sets } = setUp();
    assert.equal(source.asked, 0);
    const reads = [sets.next(), sets.next()];
    assert.equal(source.asked, 1);
    source.say('a');
    assert.deepEqual(hostsOf((await reads[0]) ?? assert.fail()), ['a']);
    await sets.return();
    assert.deepEqual(await reads[1], { done: true, value: undefined });
  });

  it('come at once at first, and collected after that', async () => {
    const { source, clock, sets } = setUp();
    const first = sets.next();
    source.say('b', 'a', 'a');
    assert.deepEqual(hostsOf(await first), ['a', 'b']);
    const second = sets.next();
    source.say('a');
    source.say('a', 'c');
    assert.equal(clock.pending, 1);
    clock.advance(99);
    source.say('a', 'd');
    clock.advance(1);
    assert.deepEqual(hostsOf(await second), ['a', 'd']);
    await sets.return();
  });

  it('do not tell of what went and came back, whether collected or not yet read', async () => {
    const { source, clock, sets } = setUp();
    const first = sets.next();
    source.say('a', 'b');
    const [a] = (await first).value ?? [];
    source.say('a');
    source.say('a', 'b');
    clock.advance(100);
    source.say('a');
    clock.advance(100);
    source.say('b', 'a');
    clock.advance(100);
    const second = sets.next();
    source.say('a', 'b', 'c');
    clock.advance(100);
    const { value } = await second;
    assert.deepEqual(hostsOf({ value: value ?? [], done: false }), ['a', 'b', 'c']);
    assert.equal(value?.[0], a, 'the same object');
    await sets.return();
  });

  it('give a slow reader the newest only', async () => {
    const { source, clock, sets } = setUp();
    const first = sets.next();
    source.say('a');
    await first;
    for (const host of ['b', 'c', 'd']) {
      source.say(host);
      clock.advance(100);
    }
    assert.deepEqual(hostsOf(await sets.next()), ['d']);
    await sets.return();
  });

  it('differ by port, name, uid and whose they are', async () => {
    const { source, sets } = setUp(0);
    const read = sets.next();
    source.sink?.update([peer('a')]);
    await read;
    for (const rest of [{ port: 1 }, { port: 1, name: 'n' }, { port: 1, name: 'n', uid: 'u' }, { self: true }]) {
      const next = sets.next();
      source.sink?.update([peer('a', rest)]);
      assert.deepEqual((await next).value, [peer('a', rest)]);
    }
    await sets.return();
  });

  it('end quietly with the signal, and let go of the source', async () => {
    const { source, clock, stop, sets } = setUp();
    const first = sets.next();
    source.say('a');
    await first;
    const second = sets.next();
    source.say('b');
    stop.abort();
    assert.equal((await second).done, true);
    assert.equal(source.signal?.aborted, true);
    assert.equal(clock.pending, 0);
    source.say('c');
    assert.equal((await sets.next()).done, true);
    const late = setUp();
    late.stop.abort();
    assert.equal((await late.sets.next()).done, true);
    const never = new PeerSets(late.source.run, { clock, debounce: 0, signal: stop.signal });
    assert.equal((await never.next()).done, true);
    assert.equal(late.source.asked, 0);
  });

  it('end when a reader leaves, even with a read under way', async () => {
    const { source, sets } = setUp();
    const read = sets.next();
    await sets.return();
    assert.equal((await read).done, true);
    assert.equal(source.signal?.aborted, true);
  });

  it('fail with the source, once', async () => {
    const { source, sets } = setUp();
    const read = sets.next();
    source.fail(new Error('no'));
    await assert.rejects(read, /^Error: no$/);
    assert.equal((await sets.next()).done, true);
    const other = setUp();
    const first = other.sets.next();
    other.source.say('a');
    await first;
    other.source.fail('a text');
    await new Promise(setImmediate);
    await assert.rejects(other.sets.next(), /^Error: a text$/);
    assert.equal((await other.sets.next()).done, true);
  });

  it('stay open when the source has nothing more to say', async () => {
    const sets = new PeerSets(
      (sink) => {
        sink.update([]);
        return Promise.resolve();
      },
      { clock: new VirtualClock(), debounce: 0 },
    );
    assert.deepEqual((await sets.next()).value, []);
    let ended = false;
    const second = sets.next().then(() => (ended = true));
    await new Promise(setImmediate);
    assert.equal(ended, false);
    await sets.return();
    await second;
  });
});
