import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Entry } from '../../../../src/push/log/entry.js';
import { StoredEvent } from '../../../../src/push/log/event.js';
import { FrameStore } from '../../../../src/push/log/frame-store.js';
import type { Framer } from '../../../../src/push/log/types.js';

function entry(n: number, data = 'x'): Entry {
  const fields = { stream: 'a', type: 'message', data, origin: 'aaaaaaaa', n, index: n, time: 0, key: undefined };
  return new Entry(new StoredEvent(fields), `aaaaaaaa${n}`);
}

/** A framer that counts what it makes. */
class Counting implements Framer<string> {
  made = 0;

  event({ data }: { readonly data: string }, cursor: string): string {
    this.made += 1;
    return `${cursor} ${data}`;
  }

  gap(): string {
    return 'gap';
  }

  batch(frames: readonly string[]): string {
    return frames.join();
  }

  size({ length }: string): number {
    return length;
  }
}

describe('FrameStore', () => {
  it('makes each frame once per framer, until the entry leaves', () => {
    const store = new FrameStore(10_000);
    const [one, two] = [new Counting(), new Counting()];
    const [first, second] = [entry(1), entry(2)];
    for (let i = 0; i < 3; i++)
      for (const each of [first, second]) for (const form of [one, two]) store.frame(each, form);
    assert.deepEqual([one.made, two.made], [2, 2]);
    store.drop(first);
    store.drop(first);
    assert.equal(store.frame(first, one), 'aaaaaaaa1 x');
    assert.deepEqual([one.made, two.made], [3, 2]);
    store.drop(first);
    store.drop(second);
    assert.equal(store.bytes, 0);
  });
  it('is bounded by bytes, whatever the framers say, and makes frames again that it let go of', () => {
    const store = new FrameStore(10_000);
    const form = new Counting();
    const entries = Array.from({ length: 1_000 }, (_, i) => entry(i, 'x'.repeat(50)));
    for (const each of entries) {
      store.frame(each, form);
      assert.ok(store.bytes <= 10_000);
    }
    assert.ok(store.bytes > 1_000);
    store.frame(entries[0] ?? entry(0), form);
    assert.equal(form.made, 1_001);
    const large = entry(2_000, 'x'.repeat(20_000));
    store.frame(large, form);
    assert.ok(store.bytes <= 10_000);
    for (const each of [...entries, large]) store.drop(each);
    assert.equal(store.bytes, 0);
  });
  it('keeps few forms of one entry, so that framers made per client cannot pile up', () => {
    const store = new FrameStore(1_000_000);
    const only = entry(1);
    for (let i = 0; i < 100; i++) store.frame(only, new Counting());
    assert.ok(store.bytes < 8 * 200);
    store.drop(only);
    assert.equal(store.bytes, 0);
  });
});
