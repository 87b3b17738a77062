import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Access, type AccessAction, type AccessRequest } from '../../../src/serve/access.js';
import { FixedTokens } from '../../../src/serve/tokens.js';

const TOKEN = 'a-token-of-some-length';
const NOTHING = { authorize: undefined, tokens: undefined, wildcards: false };

interface From {
  readonly streams?: readonly string[];
  readonly authorization?: string;
  readonly remoteAddress?: string;
  readonly headers?: readonly string[];
}

function asked(action: AccessAction, from: From = {}): AccessRequest {
  const { streams = [], authorization, remoteAddress = '10.0.0.9', headers = [] } = from;
  return {
    action,
    streams,
    header: (name) => (name === 'authorization' ? authorization : undefined),
    remoteAddress,
    request: Object.assign(new IncomingMessage(new Socket()), { rawHeaders: [...headers] }),
  };
}

async function statusOf(access: Access, request: AccessRequest): Promise<number> {
  const verdict = await access.check(request);
  return 'status' in verdict ? verdict.status : 200;
}

describe('Access without token and hook', () => {
  const access = new Access(NOTHING);

  it('lets everybody follow streams, and those on this machine do the rest', async () => {
    assert.equal(await statusOf(access, asked('follow', { streams: ['a', 'b'] })), 200);
    for (const action of ['publish', 'inspect'] as const) {
      assert.equal(await statusOf(access, asked(action)), 403);
      for (const remoteAddress of ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1']) {
        assert.equal(await statusOf(access, asked(action, { remoteAddress })), 200, remoteAddress);
      }
    }
  });

  it('lets only those on this machine follow patterns, unless everybody may', async () => {
    const open = new Access({ ...NOTHING, wildcards: true });
    const far = asked('follow', { streams: ['a*'] });
    assert.equal(await statusOf(access, far), 403);
    assert.equal(await statusOf(access, asked('follow', { streams: ['*'], remoteAddress: '127.0.0.1' })), 200);
    assert.equal(await statusOf(open, far), 200);
  });

  it('takes nobody for a client on this machine for whom a proxy there speaks', async () => {
    const names = ['X-Forwarded-For', 'x-forwarded-proto', 'Forwarded', 'Via', 'X-Real-IP', 'X-Envoy-Peer-Metadata'];
    for (const name of names) {
      const headers = ['Host', 'localhost', name, '1'];
      assert.equal(await statusOf(access, asked('publish', { remoteAddress: '127.0.0.1', headers })), 403, name);
    }
    // A value is no name.
    const headers = ['X-Note', 'via'];
    assert.equal(await statusOf(access, asked('publish', { remoteAddress: '127.0.0.1', headers })), 200);
  });
});

describe('Access with tokens', () => {
  const access = new Access({ ...NOTHING, tokens: new FixedTokens([TOKEN, 'another-token-than-that']) });

  it('lets in who has one, from wherever', async () => {
    for (const authorization of [`Bearer ${TOKEN}`, `bearer   ${TOKEN} `, 'Bearer another-token-than-that']) {
      assert.equal(await statusOf(access, asked('publish', { authorization })), 200, authorization);
    }
  });

  it('asks all others for one, on this machine too', async () => {
    for (const authorization of [undefined, '', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, `Bearer ${TOKEN}, x`]) {
      const from = { remoteAddress: '127.0.0.1', ...(authorization === undefined ? {} : { authorization }) };
      const verdict = await access.check(asked('inspect', from));
      assert.ok('status' in verdict && verdict.status === 401, authorization);
      assert.match(String(verdict.headers?.['WWW-Authenticate']), /^Bearer/);
      assert.deepEqual(Object.keys(JSON.parse(verdict.body ?? '')), ['error', 'code']);
    }
  });

  it('lets everybody follow streams still, and patterns with a token', async () => {
    assert.equal(await statusOf(access, asked('follow', { streams: ['a'] })), 200);
    assert.equal(await statusOf(access, asked('follow', { streams: ['*'], remoteAddress: '127.0.0.1' })), 401);
    assert.equal(await statusOf(access, asked('follow', { streams: ['*'], authorization: `Bearer ${TOKEN}` })), 200);
  });
});

describe('Access with a hook', () => {
  it('asks it about everything, and does what it says', async () => {
    const seen: AccessRequest[] = [];
    const access = new Access({
      ...NOTHING,
      authorize: (request) => {
        seen.push(request);
        return request.action === 'follow' ? { peer: 'me' } : request.action === 'inspect' && { status: 418 };
      },
    });
    assert.deepEqual(await access.answer(asked('follow', { streams: ['*'] })), { peer: 'me' });
    assert.deepEqual(await access.answer(asked('inspect', { remoteAddress: '127.0.0.1' })), { status: 418 });
    assert.deepEqual(await access.answer(asked('publish', { streams: ['a'] })), { status: 403 });
    assert.deepEqual(
      seen.map(({ action, streams }) => [action, streams]),
      [
        ['follow', ['*']],
        ['inspect', []],
        ['publish', ['a']],
      ],
    );
  });

  it('throws what it throws, and refuses to take nonsense for an answer', async () => {
    const failing = new Access({
      ...NOTHING,
      authorize: () => {
        throw new RangeError('a defect');
      },
    });
    await assert.rejects(failing.check(asked('publish')), RangeError);
    const silent = new Access({ ...NOTHING, authorize: () => JSON.parse('null') as boolean });
    await assert.rejects(silent.check(asked('publish')), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
