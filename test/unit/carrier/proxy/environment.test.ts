// The rows of golang.org/x/net http/httpproxy proxy_test.go (TestProxyForURL, TestFromEnvironment), and what ours adds.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError, proxyFromEnvironment } from '../../../../src/index.js';

const proxyFor = (env: Readonly<Record<string, string | undefined>>, url: string): string | undefined =>
  proxyFromEnvironment(env)(new URL(url))?.href;
const HTTP = 'http://example.com';
const HTTPS = 'https://secure.tld/';

describe('proxyFromEnvironment', () => {
  for (const [env, url, expected] of [
    [{ HTTP_PROXY: '127.0.0.1:8080' }, HTTP, 'http://127.0.0.1:8080/'],
    [{ HTTP_PROXY: 'cache.corp.example.com:1234' }, HTTP, 'http://cache.corp.example.com:1234/'],
    [{ HTTP_PROXY: 'cache.corp.example.com' }, HTTP, 'http://cache.corp.example.com/'],
    [{ HTTP_PROXY: 'localhost' }, HTTP, 'http://localhost/'],
    [{ HTTP_PROXY: 'localhost:3128' }, HTTP, 'http://localhost:3128/'],
    [{ HTTP_PROXY: 'https://cache.corp.example.com' }, HTTP, 'https://cache.corp.example.com/'],
    [{ HTTP_PROXY: 'http://127.0.0.1:8080' }, HTTP, 'http://127.0.0.1:8080/'],
    [{ HTTP_PROXY: 'https://127.0.0.1:8080' }, HTTP, 'https://127.0.0.1:8080/'],
    [{ HTTP_PROXY: 'socks5://127.0.0.1' }, HTTP, 'socks5://127.0.0.1'],
    [{ HTTP_PROXY: 'foo://host' }, HTTP, 'foo://host'],
    [
      { HTTP_PROXY: 'http.proxy.tld', HTTPS_PROXY: 'secure.proxy.tld' },
      'http://insecure.tld/',
      'http://http.proxy.tld/',
    ],
    [{ HTTP_PROXY: 'http.proxy.tld', HTTPS_PROXY: 'secure.proxy.tld' }, HTTPS, 'http://secure.proxy.tld/'],
    [{ HTTP_PROXY: 'http.proxy.tld', HTTPS_PROXY: 'https://secure.proxy.tld' }, HTTPS, 'https://secure.proxy.tld/'],
    [{ HTTP_PROXY: 'http.proxy.tld' }, HTTPS, undefined],
    [{ HTTP_PROXY: 'http.proxy.tld' }, 'ftp://insecure.tld/', undefined],
    [{ HTTPS_PROXY: 'https://secure.proxy.tld', REQUEST_METHOD: 'GET' }, HTTPS, 'https://secure.proxy.tld/'],
    [{}, HTTP, undefined],
    [{ HTTP_PROXY: 'proxy', NO_PROXY: 'example.com' }, 'http://example.com/', undefined],
    [{ HTTP_PROXY: 'proxy', NO_PROXY: '.example.com' }, 'http://example.com/', 'http://proxy/'],
    // Lower case.
    [{ http_proxy: 'httpproxy' }, HTTP, 'http://httpproxy/'],
    [{ https_proxy: 'httpsproxy' }, HTTPS, 'http://httpsproxy/'],
    [{ http_proxy: 'lower', HTTP_PROXY: 'upper' }, HTTP, 'http://lower/'],
    [{ http_proxy: '', HTTP_PROXY: 'upper' }, HTTP, 'http://upper/'],
    [{ HTTP_PROXY: 'proxy', no_proxy: 'example.com' }, HTTP, undefined],
    [{ HTTP_PROXY: 'proxy', no_proxy: 'a', NO_PROXY: 'example.com' }, HTTP, 'http://proxy/'],
    // WebSocket addresses are http addresses.
    [{ HTTP_PROXY: 'plain', HTTPS_PROXY: 'secure' }, 'ws://a/', 'http://plain/'],
    [{ HTTP_PROXY: 'plain', HTTPS_PROXY: 'secure' }, 'wss://a/', 'http://secure/'],
    // ALL_PROXY is what is left.
    [{ ALL_PROXY: 'socks5h://all' }, HTTP, 'socks5h://all'],
    [{ all_proxy: 'socks5://all' }, HTTPS, 'socks5://all'],
    [{ ALL_PROXY: 'all', HTTPS_PROXY: 'secure' }, HTTPS, 'http://secure/'],
    [{ ALL_PROXY: 'all', HTTPS_PROXY: 'secure' }, HTTP, 'http://all/'],
    [{ ALL_PROXY: 'all', NO_PROXY: '*' }, HTTP, undefined],
    [{ ALL_PROXY: 'all', REQUEST_METHOD: 'GET' }, HTTP, 'http://all/'],
    // Credentials, spaces, ports.
    [{ HTTP_PROXY: ' u%40x:p@proxy:1 ' }, HTTP, 'http://u%40x:p@proxy:1/'],
    [{ HTTP_PROXY: 'proxy', NO_PROXY: 'example.com:80' }, HTTP, undefined],
    [{ HTTPS_PROXY: 'proxy', NO_PROXY: 'secure.tld:443' }, HTTPS, undefined],
    [{ HTTPS_PROXY: 'proxy', NO_PROXY: 'secure.tld:8443' }, HTTPS, 'http://proxy/'],
    [{ HTTPS_PROXY: 'proxy' }, 'https://localhost:6443/', undefined],
    [{ HTTPS_PROXY: 'proxy' }, 'https://[::1]:6443/', undefined],
  ] as const) {
    it(`${JSON.stringify(env)} for ${url}: ${expected ?? 'none'}`, () => assert.equal(proxyFor(env, url), expected));
  }

  it('refuses the HTTP_PROXY of a CGI program, which any client can set', () => {
    for (const env of [
      { HTTP_PROXY: 'http://10.1.2.3:8080', REQUEST_METHOD: 'GET' },
      { HTTP_PROXY: 'http://10.1.2.3:8080', ALL_PROXY: 'all', REQUEST_METHOD: 'PUT' },
    ]) {
      assert.throws(() => proxyFor(env, HTTP), InvalidArgumentError);
      // It would not have been used.
      assert.equal(proxyFor(env, 'http://localhost/'), undefined);
    }
  });

  it('refuses what is no address, when it would be used, without showing it', () => {
    for (const value of ['http://user:hunter2@', 'http://user:hunter2@a:port', ':hunter2', '[hunter2']) {
      assert.equal(proxyFor({ HTTP_PROXY: value }, HTTPS), undefined);
      assert.throws(
        () => proxyFor({ https_proxy: value }, HTTPS),
        (error: Error) =>
          error instanceof InvalidArgumentError && error.message === 'HTTPS_PROXY is not the address of a proxy',
      );
    }
  });

  it('reads the environment once', () => {
    const env: Record<string, string> = { HTTP_PROXY: 'before', NO_PROXY: 'a' };
    const proxy = proxyFromEnvironment(env);
    env['HTTP_PROXY'] = 'after';
    env['NO_PROXY'] = '*';
    assert.equal(proxy(new URL(HTTP))?.href, 'http://before/');
  });

  it('reads that of the process unless given another', (t) => {
    const { env } = process;
    process.env = { HTTP_PROXY: 'mine' };
    t.after(() => {
      process.env = env;
    });
    assert.equal(proxyFromEnvironment()(new URL(HTTP))?.href, 'http://mine/');
  });
});
