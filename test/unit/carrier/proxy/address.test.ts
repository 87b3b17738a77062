import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveProxy } from '../../../../src/carrier/proxy/address.js';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import type { ProxyOption } from '../../../../src/httpstream/index.js';

const url = new URL('https://user:hunter2@server.test/path');

describe('resolveProxy', () => {
  for (const [given, scheme, host, port, name] of [
    ['http://proxy', 'http', 'proxy', 80, 'http://proxy:80'],
    ['HTTP://Proxy:3128/ignored?too#and', 'http', 'proxy', 3128, 'http://proxy:3128'],
    ['https://proxy', 'https', 'proxy', 443, 'https://proxy:443'],
    ['https://proxy:443', 'https', 'proxy', 443, 'https://proxy:443'],
    ['socks5://proxy', 'socks5', 'proxy', 1080, 'socks5://proxy:1080'],
    ['socks5h://Proxy:80', 'socks5', 'proxy', 80, 'socks5h://proxy:80'],
    ['http://[2001:db8::1]:3128', 'http', '2001:db8::1', 3128, 'http://[2001:db8::1]:3128'],
    ['socks5://[2001:DB8::1]', 'socks5', '2001:db8::1', 1080, 'socks5://[2001:db8::1]:1080'],
    ['http://bücher.test', 'http', 'xn--bcher-kva.test', 80, 'http://xn--bcher-kva.test:80'],
    ['socks5://b%C3%BCcher.test', 'socks5', 'xn--bcher-kva.test', 1080, 'socks5://xn--bcher-kva.test:1080'],
    ['socks5://127.1', 'socks5', '127.0.0.1', 1080, 'socks5://127.0.0.1:1080'],
  ] as const) {
    it(`reads ${given}`, () => {
      const expected = { scheme, host, port, credentials: undefined, name };
      assert.deepEqual(resolveProxy(given, url), expected);
      assert.deepEqual(resolveProxy(new URL(given), url), expected);
      assert.deepEqual(
        resolveProxy(() => given, url),
        expected,
      );
    });
  }

  it('decodes credentials, and keeps them out of the name', () => {
    for (const scheme of ['http', 'https', 'socks5']) {
      const proxy = resolveProxy(`${scheme}://proxy%40user:p%3Ass@proxy:1`, url);
      assert.deepEqual(proxy?.credentials, { username: 'proxy@user', password: 'p:ss' });
      assert.equal(proxy?.name, `${scheme}://proxy:1`);
    }
    assert.deepEqual(resolveProxy('http://token@proxy', url)?.credentials, { username: 'token', password: '' });
  });

  it('gives a function a copy of the address, and asks it each time', () => {
    const seen: URL[] = [];
    const option = (target: URL): undefined => {
      seen.push(target);
      target.hostname = 'changed';
    };
    assert.equal(resolveProxy(option, url), undefined);
    assert.equal(resolveProxy(option, url), undefined);
    assert.equal(seen.length, 2);
    assert.equal(url.hostname, 'server.test');
  });

  it('passes on what a function throws', () => {
    const error = new Error('no');
    const option = (): never => {
      throw error;
    };
    assert.throws(() => resolveProxy(option, url), error);
  });

  it('is none without an option', () => {
    assert.equal(resolveProxy(undefined, url), undefined);
    assert.equal(
      resolveProxy(() => undefined, url),
      undefined,
    );
  });

  it('refuses what is unusable, and never repeats it', () => {
    const long = 'x'.repeat(256);
    const wrong: unknown[] = [
      '',
      'proxy:3128',
      'user:hunter2@proxy',
      'ftp://user:hunter2@proxy',
      'socks4://user:hunter2@proxy',
      'file:///hunter2',
      'constructor://hunter2',
      'http://user:hunter2@:x',
      'http://user:hunter2@proxy\r\nX: y',
      'http://pro\txy',
      'socks5://user:hunter2@',
      'socks5://user:hunter2@a b',
      'socks5:user',
      `socks5://${long}:hunter2@proxy`,
      `socks5://user:${long}@proxy`,
      'socks5://:hunter2@proxy',
      3128,
      {},
      true,
    ];
    for (const given of wrong) {
      for (const option of [given, () => given]) {
        assert.throws(
          () => resolveProxy(option as ProxyOption, url),
          (error: Error) => error instanceof InvalidArgumentError && !error.message.includes('hunter2'),
          String(given),
        );
      }
    }
  });

  it('takes SOCKS credentials up to 255 bytes each', () => {
    const longest = 'x'.repeat(255);
    assert.ok(resolveProxy(`socks5://${longest}:${longest}@proxy`, url));
    assert.ok(resolveProxy(`socks5://user@proxy`, url));
  });
});
