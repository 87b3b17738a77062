import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  SpdyResponseUpgrader,
  SpdyRoundTripper,
  newSpdyClientConnection,
  newSpdyServerConnection,
} from '../../../src/spdy/index.js';
import { duplexPair } from '../../../src/testing/index.js';
import { SPDY_HEADERS, upgradeRequest } from '../../support/upgrade-request.js';

const BAD = [
  { compressionLevel: -1 },
  { compressionLevel: 10 },
  { compressionLevel: 1.5 },
  { pingPeriod: -1 },
  { pingTimeout: Number.NaN },
  { idleTimeout: Infinity },
  { stallPolicy: { resetAfter: -1 } },
  { limits: { maxStreams: 0 } },
  { limits: { noSuchLimit: 1 } },
];

describe('options', () => {
  for (const options of BAD) {
    it(`refuses ${JSON.stringify(options)} everywhere, before a byte is sent`, () => {
      const invalid = { code: 'ERR_INVALID_ARGUMENT' };
      const [left, right] = duplexPair();
      assert.throws(() => newSpdyServerConnection(left, () => {}, options), invalid);
      assert.throws(() => newSpdyClientConnection(left, options), invalid);
      assert.throws(() => new SpdyResponseUpgrader(options), invalid);
      assert.throws(() => new SpdyRoundTripper(options), invalid);
      assert.equal(left.writableLength + right.readableLength, 0);
      left.destroy();
      right.destroy();
    });
  }

  for (const level of [0, 1, 6, 9]) {
    it(`compressionLevel ${level} at one end, 0 at the other`, async () => {
      const [left, right] = duplexPair();
      const client = newSpdyClientConnection(left, { compressionLevel: level, pingPeriod: 0 });
      const seen: (string | undefined)[] = [];
      const server = newSpdyServerConnection(right, (stream) => void seen.push(stream.headers.get('port')), {
        pingPeriod: 0,
      });
      for (let port = 0; port < 50; port++) await client.createStream({ streamType: 'data', port: String(port) });
      assert.deepEqual(
        seen,
        Array.from({ length: 50 }, (_, port) => String(port)),
      );
      await client.close();
      await server.closed;
    });
  }

  it('the upgrader gives its connection the bytes that came early, and its options', async () => {
    const [left, right] = duplexPair();
    const upgrader = new SpdyResponseUpgrader({ pingPeriod: 0, limits: { closeTimeout: 0 } });
    const connection = upgrader.upgradeResponse(upgradeRequest(SPDY_HEADERS), left, Buffer.alloc(0), () => {});
    assert.ok(connection);
    await connection.close();
    assert.equal(left.destroyed, true);
    right.destroy();
  });

  it('a reset for an unknown reason is refused, and the connection goes on', async () => {
    const [left, right] = duplexPair();
    const server = newSpdyServerConnection(right, () => {});
    const client = newSpdyClientConnection(left);
    const stream = await client.createStream({});
    assert.throws(() => Reflect.apply(stream.reset, stream, ['nonsense']), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(stream.destroyed, false);
    await client.createStream({});
    await Promise.all([client.close(), server.closed]);
  });
});
