import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { SpdyResponseUpgrader } from '../../src/spdy/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { FrameFactory } from '../support/frames.js';
import { SPDY_HEADERS, upgradeRequest } from '../support/upgrade-request.js';

// The rows of k8s.io/streaming httpstream/spdy/upgrade_test.go: which header combinations upgrade.

async function answerTo(
  headers: Readonly<Record<string, string | readonly string[]>>,
  head: Buffer = Buffer.alloc(0),
): Promise<{ text: string; streams: number }> {
  const [client, server] = duplexPair();
  let streams = 0;
  const connection = new SpdyResponseUpgrader({ pingPeriod: 0 }).upgradeResponse(
    upgradeRequest(headers),
    server,
    head,
    () => void streams++,
    {
      'X-Stream-Protocol-Version': 'v4.channel.k8s.io',
    },
  );
  const [first] = (await once(client, 'data')) as [Buffer];
  await new Promise((resolve) => setImmediate(resolve));
  client.destroy();
  if (connection === undefined) server.destroy();
  else await connection.closed;
  const text = first.toString('latin1');
  assert.equal(connection !== undefined, text.startsWith('HTTP/1.1 101 '));
  return { text, streams };
}

describe('which requests upgrade', () => {
  for (const [what, headers, upgrades] of [
    ['no headers', {}, false],
    ['Connection only', { Connection: 'Upgrade' }, false],
    ['Upgrade only', { Upgrade: 'SPDY/3.1' }, false],
    ['another Upgrade', { Connection: 'Upgrade', Upgrade: 'websocket' }, false],
    ['another Connection', { Connection: 'keep-alive', Upgrade: 'SPDY/3.1' }, false],
    ['Upgrade of another SPDY', { Connection: 'Upgrade', Upgrade: 'SPDY/2' }, false],
    ['both', { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' }, true],
    ['both, in any case', { CONNECTION: 'uPgRaDe', upgrade: 'spdy/3.1' }, true],
    ['Connection as a list', { Connection: 'keep-alive, Upgrade', Upgrade: 'SPDY/3.1' }, true],
    ['Connection repeated', { Connection: ['keep-alive', 'upgrade'], Upgrade: 'SPDY/3.1' }, true],
    ['Upgrade as a list', { Connection: 'Upgrade', Upgrade: 'h2c, SPDY/3.1' }, true],
    ['Upgrade repeated', { Connection: 'Upgrade', Upgrade: ['websocket', 'SPDY/3.1'] }, true],
  ] as const) {
    it(`${what}: ${upgrades ? '101' : '400'}`, async () => {
      const { text } = await answerTo(headers);
      if (upgrades) {
        assert.equal(
          text,
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: v4.channel.k8s.io\r\n\r\n',
        );
      } else {
        assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/);
        assert.match(text, /\r\nConnection: close\r\n/);
        const status = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as {
          kind: string;
          code: number;
          reason: string;
        };
        assert.deepEqual([status.kind, status.code, status.reason], ['Status', 400, 'BadRequest']);
      }
    });
  }

  it('bytes that came with the request are the first frames', async () => {
    const { streams } = await answerTo(SPDY_HEADERS, new FrameFactory().synStream(1));
    assert.equal(streams, 1);
  });
});
