import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { REDACTED, redactHeaders, redactSubprotocols, redactURL } from '../../../src/logger/redact.js';

const TOKEN = 'eyJhbGciOi.J9-not_for.logs';

describe('redactHeaders', () => {
  for (const name of [
    'Authorization',
    'authorization',
    'Proxy-Authorization',
    'WWW-Authenticate',
    'Cookie',
    'set-cookie',
    'X-API-Key',
    'x-auth-token',
    'X-Amz-Security-Token',
    'X-Forwarded-Client-Cert',
    'x-csrf-token',
    'X-Session-Id',
  ]) {
    it(`hides the value of ${name}`, () => {
      assert.deepEqual(redactHeaders({ [name]: `Bearer ${TOKEN}` }), { [name]: REDACTED });
      assert.deepEqual(redactHeaders({ [name]: [TOKEN, TOKEN] }), { [name]: REDACTED });
    });
  }

  it('leaves what a reader of logs needs', () => {
    const headers = {
      host: 'a.example',
      ':authority': 'a.example',
      accept: 'text/event-stream',
      'last-event-id': '1a.2b',
      'sec-websocket-key': 'dGhlIHNhbXBsZQ==',
      'user-agent': 'curl/8',
    };
    assert.deepEqual(redactHeaders(headers), headers);
  });

  it('joins several values, and leaves out those that are not there', () => {
    assert.deepEqual(redactHeaders({ via: ['a', 'b'], accept: undefined }), { via: 'a, b' });
  });

  it('hides tokens among subprotocols and leaves the protocols', () => {
    const value = `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${TOKEN}, chat`;
    const redacted = redactHeaders({ 'Sec-WebSocket-Protocol': value });
    assert.deepEqual(redacted, {
      'Sec-WebSocket-Protocol': `v4.channel.k8s.io, base64url.bearer.${REDACTED}, chat`,
    });
    assert.deepEqual(redactHeaders({ 'sec-websocket-protocol': ['chat', `base64url.bearer.x.${TOKEN}`] }), {
      'sec-websocket-protocol': `chat, base64url.bearer.${REDACTED}`,
    });
  });

  it('takes the object that Node gives', () => {
    const headers = Object.assign(Object.create(null) as Record<string, string>, { cookie: TOKEN, te: 'trailers' });
    assert.deepEqual(redactHeaders(headers), { cookie: REDACTED, te: 'trailers' });
  });
});

describe('redactSubprotocols', () => {
  it('hides every token, in any case and spacing', () => {
    const value = `BASE64URL.bearer.a.${TOKEN},base64url.bearer.b.${TOKEN}\tx`;
    const redacted = redactSubprotocols(value);
    assert.ok(!redacted.includes(TOKEN), redacted);
    assert.equal(redacted, `base64url.bearer.${REDACTED},base64url.bearer.${REDACTED}\tx`);
  });
});

describe('redactURL', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['/events?stream=a&cursor=x', '/events?stream=a&cursor=x'],
    [`/events?access_token=${TOKEN}&stream=a`, `/events?access_token=${REDACTED}&stream=a`],
    [`/events?a=1&Token=${TOKEN}`, `/events?a=1&Token=${REDACTED}`],
    [`/events?acc%65ss_token=${TOKEN}`, `/events?acc%65ss_token=${REDACTED}`],
    [`/events?api_key=${TOKEN}&apikey=${TOKEN}`, `/events?api_key=${REDACTED}&apikey=${REDACTED}`],
    [`/events?%zz=${TOKEN}`, `/events?%zz=${REDACTED}`],
    [`/events?password=a=b=c`, `/events?password=${REDACTED}`],
    [`https://user:${TOKEN}@a.example/x`, `https://${REDACTED}@a.example/x`],
    [`https://user:p@${TOKEN}@a.example/x?q`, `https://${REDACTED}@a.example/x?q`],
    [`//user@a.example/x`, `//${REDACTED}@a.example/x`],
    ['/users/@me', '/users/@me'],
    [`/cb#access_token=${TOKEN}`, '/cb'],
    ['/x?', '/x?'],
    ['', ''],
  ];
  for (const [given, expected] of cases) {
    it(`${given} → ${expected}`, () => assert.equal(redactURL(given), expected));
  }
});
