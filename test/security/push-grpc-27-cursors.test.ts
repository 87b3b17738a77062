// Row 27: positions that nobody gave out, and history without end.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AttackedWatch } from './push-grpc-support.js';

describe('security: positions of the gRPC watch', { timeout: 20_000 }, () => {
  it('of 1 MiB end the call before they are looked at', async () => {
    await using attacked = await AttackedWatch.start();
    const { create, ended } = attacked.client().watch();
    create({ streams: ['a'], cursor: 'x'.repeat(1024 * 1024) });
    const error = await ended;
    assert.deepEqual([error?.code, error?.details], [3, 'a request has at most 65536 bytes']);
    assert.deepEqual(attacked.log.subscribers(), []);
  });

  it('that are forged, malformed or of the future are refused', async () => {
    await using attacked = await AttackedWatch.start();
    attacked.log.publish('a', '1');
    const { origin } = attacked.log;
    const { create, responses } = attacked.client().watch();
    for (const cursor of [
      `${origin}2`,
      `${origin}zzzzzzzzz`,
      `${origin}-1`,
      `${origin}1.`,
      '\0',
      ' ',
      'x'.repeat(60_000),
    ]) {
      create({ streams: ['a'], cursor });
      const { watch_id, created, canceled, cancel_reason } = await responses.next();
      assert.deepEqual([watch_id, created, canceled], ['-1', true, true], JSON.stringify(cursor.slice(0, 20)));
      assert.match(cancel_reason, /cursor/);
    }
    assert.deepEqual(attacked.log.subscribers(), []);
  });

  it('of a run that is gone are a gap, which is told', async () => {
    await using attacked = await AttackedWatch.start();
    attacked.log.publish('a', 'kept');
    const { create, responses } = attacked.client().watch();
    create({ streams: ['a'], cursor: 'longGone5' });
    const { gap } = await responses.find((response) => response.gap !== null);
    assert.equal(gap?.reason, 'unknown-origin');
  });
});
