import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StreamResetError } from '../../../../src/errors/index.js';
import type { IncomingStream } from '../../../../src/httpstream/index.js';
import { duplexPair } from '../../../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../../../src/yamux/index.js';

it('acceptBacklog 0: streams are served, and refused with a message, only none can be put off', async () => {
  const [left, right] = duplexPair();
  const serve = (stream: IncomingStream): void => {
    const what = stream.headers.get('what');
    if (what === 'refuse') stream.refuse('refused', 'not here');
    else if (what === 'defer') stream.deferReply();
  };
  const server = newYamuxServerConnection(right, serve, { limits: { acceptBacklog: 0 } });
  const client = newYamuxClientConnection(left);
  const accepted = await client.createStream({ what: 'serve' });
  assert.equal(accepted.destroyed, false);
  await assert.rejects(client.createStream({ what: 'refuse' }), /not here/);
  await assert.rejects(client.createStream({ what: 'defer' }), StreamResetError);
  await Promise.all([client.close(), server.close()]);
});
