// The tables of golang.org/x/net http/httpproxy proxy_test.go, and what ours adds.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNoProxy } from '../../../../src/carrier/proxy/no-proxy.js';

const LIST =
  'foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, 10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64';

/** Host of a URL at port 80, and whether a proxy is used. */
const USE_PROXY_TESTS: readonly (readonly [host: string, proxied: boolean])[] = [
  ['localhost', false],
  ['127.0.0.1', false],
  ['127.0.0.2', false],
  ['[::1]', false],
  ['[::2]', true],
  ['192.168.1.1', false],
  ['192.168.1.2', true],
  ['192.168.1.3', false],
  ['192.168.1.4', true],
  ['10.0.0.2', false],
  ['[2001:db8::52:0:1]', false],
  ['[2001:db8::52:0:2]', true],
  ['[2001:db8::52:0:3]', false],
  ['[2002:db8:a::123]', false],
  ['[fe80::424b:c8be:1643:a1b6]', true],
  ['barbaz.net', true],
  ['www.barbaz.net', false],
  ['foobar.com', false],
  ['www.foobar.com', false],
  ['foofoobar.com', true],
  ['baz.com', true],
  ['localhost.net', true],
  ['local.localhost', true],
  ['barbarbaz.net', true],
  ['wildcard.io', true],
  ['nested.wildcard.io', false],
  ['awildcard.io', true],
];

/** Whether a URL's host is proxied under a list. */
function proxied(list: string, address: string): boolean {
  const url = new URL(address.includes('://') ? address : `http://${address}`);
  return !parseNoProxy(list)(url.hostname.replace(/^\[|\]$/g, ''), url.port || '80');
}

describe('NO_PROXY', () => {
  for (const [host, expected] of USE_PROXY_TESTS) {
    it(`TestUseProxy: ${host} is ${expected ? '' : 'not '}proxied`, () => assert.equal(proxied(LIST, host), expected));
  }

  it('TestInvalidNoProxy: an entry without a host is ignored', () => {
    for (const list of [':1', '', ',', ' , ,', '[]:80', '10.0.0.0/33', '::/129', '10.0.0/8', 'x/8']) {
      assert.equal(proxied(list, 'example.com'), true, list);
      assert.equal(proxied(list, '10.0.0.1'), true, list);
    }
  });

  it('TestAllNoProxy: an asterisk stands for everything, also among others', () => {
    for (const [host] of USE_PROXY_TESTS) {
      assert.equal(proxied('*', host), false);
      assert.equal(proxied('a.com, * ,b.com', host), false);
    }
  });

  for (const [list, host, expected] of [
    ['example.com', 'example.com', false],
    ['.example.com', 'example.com', true],
    ['ample.com', 'example.com', true],
    ['example.com', 'foo.example.com', false],
    ['.foo.com', 'example.com', true],
    ['.示例.com', 'www.示例.com', false],
    ['xn--fsq092h.com', 'www.示例.com', false],
    ['示例.com', 'www.xn--fsq092h.com', false],
    ['EXAMPLE.com', 'example.COM', false],
    ['example.com:80', 'example.com', false],
    ['example.com:80', 'www.example.com', false],
    ['.example.com:80', 'www.example.com:81', true],
    ['example.com:443', 'example.com:443', false],
    ['10.0.0.0/8', '10.255.0.1:8443', false],
    ['10.0.0.0/8', '11.0.0.1', true],
    ['10.0.0.0/8', 'ten.example.com', true],
    ['0.0.0.0/0', '198.51.100.1', false],
    ['0.0.0.0/0', '[2001:db8::1]', true],
    ['::/0', '[2001:db8::1]', false],
    ['::/0', '198.51.100.1', true],
    ['[2001:db8::1]', '[2001:db8::1]:99', false],
    ['2001:DB8:0:0::1', '[2001:db8::1]', false],
    // The same address in two forms.
    ['192.0.2.1', '[::ffff:192.0.2.1]', false],
    ['192.0.2.0/24', '[::ffff:192.0.2.1]', false],
    ['', '[::ffff:127.0.0.1]', false],
    ['', '127.1', false],
  ] as const) {
    it(`${list || 'nothing'}: ${host} is ${expected ? '' : 'not '}proxied`, () =>
      assert.equal(proxied(list, host), expected));
  }
});
