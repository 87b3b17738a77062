import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonLogger } from '../../src/serve/logger.js';
import type { PodServer } from '../../src/serve/index.js';
import { askPod, startPods } from '../support/serve-pods.js';

// Row 31: what a pod logs, at its most talkative, holds no token.

const TOKEN = 'a-token-of-some-length';
const MESH_SECRET = 'what-only-the-pods-know';

describe('31: secrets in logs', () => {
  it('are left out, whatever fails', async () => {
    let text = '';
    const logger = jsonLogger((line) => (text += line), { level: 'debug' });
    const failing = {
      knows: () => {
        throw new RangeError('the store of tokens is broken');
      },
    };
    await using pods = await startPods(2, { logger, secret: MESH_SECRET, publishTokens: failing });
    const [pod] = pods.pods as [PodServer];
    const headers = { Authorization: `Bearer ${TOKEN}`, Cookie: `session=${TOKEN}` };
    for (const path of [
      '/publish?stream=a',
      `/publish?stream=a&token=${TOKEN}`,
      `/publish?stream=a&access_token=${TOKEN}`,
    ]) {
      assert.equal((await askPod(`${pod.url}${path}`, { body: 'x', headers })).status, 500);
    }
    for (const path of ['/streams', `/status?key=${TOKEN}`, `/events?stream=*&token=${TOKEN}`]) {
      const answer = await askPod(`${pod.url}${path}`, { headers });
      assert.equal(answer.status, 500);
      assert.ok(!answer.text.includes('store of tokens'), 'clients learn nothing of the cause');
    }
    assert.match(text, /the store of tokens is broken/);
    assert.match(text, /"msg":"linked"/);
    assert.ok(!text.includes(TOKEN), 'a token is in the log');
    assert.ok(!text.includes(MESH_SECRET), 'the secret is in the log');
  });
});
