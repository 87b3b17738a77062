// Row 28: a slow subscriber holds all.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, type EndReason, type Follower, type Framer } from '../../src/push/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

const TEXT: Framer<string> = {
  event: ({ data }) => data,
  gap: ({ reason, missing }) => `${reason} ${missing.map(({ after, through }) => `${after}-${through}`).join()}`,
  batch: (frames) => frames.join(' '),
  size: ({ length }) => length,
};

describe('a follower that does not read', () => {
  for (const whenOvertaken of ['gap', 'drop'] as const) {
    it(`costs the others nothing, and has to go on without what it missed (${whenOvertaken})`, () => {
      let flush: (() => void) | undefined;
      const log = new EventLog({
        origin: 'mmmmmmmm',
        clock: new VirtualClock(),
        history: { events: 20 },
        schedule: (callback) => (flush = callback),
      });
      const received = new Map<Follower<string>, number>();
      for (let i = 0; i < 1_000; i++) {
        const read = (): void => {
          for (let slice = reader.pull(); slice !== undefined; slice = reader.pull()) {
            received.set(reader, (received.get(reader) ?? 0) + slice.items);
          }
        };
        const reader = log.follow({ streams: 'a', framer: TEXT, transport: 'quick', onReady: read });
        read();
      }
      const ended: EndReason[] = [];
      const slow = log.follow({
        streams: 'a',
        framer: TEXT,
        transport: 'slow',
        whenOvertaken,
        onReady: () => {},
        onEnd: (reason) => void ended.push(reason),
      });
      for (let i = 0; i < 100; i++) {
        log.publish('a', `${i}`);
        const now = flush;
        flush = undefined;
        now?.();
        // Everybody has it in the same tick, however far the slow one is behind.
        assert.deepEqual(new Set(received.values()), new Set([i + 1]));
      }
      assert.equal(received.size, 1_000);
      assert.equal(slow.lag, 20);
      const { gaps, ended: counted } = log.stats();
      assert.deepEqual([gaps.overtaken, counted['slow']], [0, {}]);
      const slice = slow.pull();
      if (whenOvertaken === 'gap') {
        assert.equal(slice?.payload, 'overtaken 0-80');
        assert.equal(slow.pull()?.items, 20);
        assert.equal(log.stats().gaps.overtaken, 1);
      } else {
        assert.deepEqual([slice, ended, slow.ended], [undefined, ['overtaken'], 'overtaken']);
        assert.deepEqual(log.stats().ended['slow'], { overtaken: 1 });
      }
      log.close();
    });
  }
});
