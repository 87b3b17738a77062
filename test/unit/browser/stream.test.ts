import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAll, withPage, writeAll } from './support.js';

describe('a stream of the browser build', { timeout: 20_000 }, () => {
  test('is echoed, half-close included', () =>
    withPage({}, async ({ page }) => {
      const stream = await page.createStream({ name: 'one' });
      const bytes = Buffer.alloc(3_000_000, 'abcdefg');
      const [, back] = await Promise.all([writeAll(stream.writable, bytes), readAll(stream.readable)]);
      assert.ok(back.equals(bytes));
    }));
});
