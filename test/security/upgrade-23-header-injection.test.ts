import assert from 'node:assert/strict';
import { it } from 'node:test';
import { refuseUpgrade, type UpgradeRequest } from '../../src/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper, newSpdyClientConnection } from '../../src/spdy/index.js';
import { duplexPair, type MemoryDuplex } from '../../src/testing/index.js';
import { SPDY_HEADERS, upgradeRequest } from '../support/upgrade-request.js';
import { turns } from './spdy-support.js';

// Row 23: CR, LF and NUL in what is written by hand (CVE-2026-1527). U+010A and U+010D become LF and CR when a careless
// writer cuts characters down to bytes (CVE-2016-2216).

const BREAKS = ['\r', '\n', '\0', '\r\n', '\u010a', '\u010d', '\u0a0d'];

function recorder(): { socket: MemoryDuplex; written: () => Promise<Buffer> } {
  const [socket, peer] = duplexPair();
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  peer.on('error', () => {});
  return {
    socket,
    written: async () => {
      await turns(4);
      return Buffer.concat(chunks);
    },
  };
}

for (const text of BREAKS) {
  const bad = `a${text}X-Injected: yes`;
  const shown = JSON.stringify(text);

  it(`a 101 with ${shown} in a header is not sent`, async () => {
    for (const headers of [{ 'X-Stream-Protocol-Version': bad }, { [bad]: 'x' }]) {
      const { socket, written } = recorder();
      assert.throws(
        () =>
          new SpdyResponseUpgrader().upgradeResponse(
            upgradeRequest(SPDY_HEADERS),
            socket,
            Buffer.alloc(0),
            () => {},
            headers,
          ),
        { code: 'ERR_INVALID_ARGUMENT' },
      );
      assert.equal((await written()).length, 0);
      socket.destroy();
    }
  });

  it(`a refusal with ${shown} in a header is not sent; in its message it is JSON`, async () => {
    for (const headers of [{ 'X-Note': bad }, { [bad]: 'x' }]) {
      const { socket, written } = recorder();
      assert.throws(() => refuseUpgrade(socket, 403, 'no', { headers }), { code: 'ERR_INVALID_ARGUMENT' });
      assert.equal((await written()).length, 0);
      socket.destroy();
    }
    const { socket, written } = recorder();
    refuseUpgrade(socket, 403, bad);
    const [head = '', body = ''] = (await written()).toString('utf8').split('\r\n\r\n');
    assert.ok(!head.includes('X-Injected'));
    assert.equal((JSON.parse(body) as { message: string }).message, bad);
    socket.destroy();
  });

  it(`an upgrade request with ${shown} in any field is not sent`, async () => {
    const requests: Omit<UpgradeRequest, 'dialer'>[] = [
      { url: 'http://example.test/', headers: { 'X-Note': bad } },
      { url: 'http://example.test/', headers: { [bad]: 'x' } },
      { url: 'http://example.test/', headers: { Host: bad } },
      { url: 'http://example.test/', protocols: [bad] },
      { url: 'http://example.test/', method: `POST${text}X` },
    ];
    for (const request of requests) {
      const { socket, written } = recorder();
      await assert.rejects(
        new SpdyRoundTripper().dial({ ...request, dialer: async () => await Promise.resolve(socket) }),
        {
          code: 'ERR_INVALID_ARGUMENT',
        },
      );
      assert.equal((await written()).length, 0);
      socket.destroy();
    }
  });

  it(`an address with ${shown} cannot bring it onto the wire`, async () => {
    const { socket, written } = recorder();
    const controller = new AbortController();
    const dialing = new SpdyRoundTripper().dial({
      url: `http://example.test/p${text}?q=${text}`,
      dialer: async () => await Promise.resolve(socket),
      signal: controller.signal,
    });
    const settled = dialing.catch((error: unknown) => error);
    const lines = (await written()).toString('latin1').split('\r\n');
    for (const line of lines) assert.match(line, /^[\t\x20-\x7e]*$/);
    assert.ok(lines.length < 10);
    controller.abort();
    await settled;
  });
}

it('stream headers with CR, LF or NUL are not sent', async () => {
  const { socket, written } = recorder();
  const connection = newSpdyClientConnection(socket, { pingPeriod: 0 });
  for (const text of ['\r', '\n', '\0']) {
    assert.throws(() => connection.openStream({ name: `a${text}b` }), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => connection.openStream({ [`a${text}b`]: 'x' }), { code: 'ERR_INVALID_ARGUMENT' });
  }
  assert.equal((await written()).length, 0);
  socket.destroy();
  await connection.closed;
});
