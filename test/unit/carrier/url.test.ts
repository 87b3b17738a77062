import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { authorizationFromUrl, parseUrl, redactUrl } from '../../../src/carrier/dial.js';
import { InvalidArgumentError } from '../../../src/errors/index.js';

const decoded = (url: string): string =>
  Buffer.from((authorizationFromUrl(url) ?? '').replace('Basic ', ''), 'base64').toString();

describe('addresses', () => {
  it('takes http, https, ws and wss, and nothing else', () => {
    for (const scheme of ['http', 'https', 'ws', 'wss']) assert.equal(parseUrl(`${scheme}://a/`).hostname, 'a');
    for (const url of ['ftp://a/', 'a', '', 'file:///x']) assert.throws(() => parseUrl(url), InvalidArgumentError);
  });

  it('refuses control characters instead of dropping them', () => {
    for (const url of ['http://a/\r\nb', 'http://a/\0', 'http://a\t/', 'http://a/\x7f']) {
      assert.throws(() => parseUrl(url), InvalidArgumentError);
    }
  });

  it('never repeats an address it refuses', () => {
    for (const url of ['ftp://user:hunter2@a/', 'http://user:hunter2@:x/', 'http://user:hunter2@a/\n']) {
      assert.throws(
        () => parseUrl(url),
        (error: Error) => !error.message.includes('hunter2'),
      );
    }
  });

  it('redacts credentials, the query and the fragment', () => {
    assert.equal(redactUrl('https://user:hunter2@a:8443/p?command=secret#f'), 'https://a:8443/p?…');
    assert.equal(redactUrl(new URL('http://token@a/p')), 'http://a/p');
    assert.equal(redactUrl('http://user:hunter2@:x/'), '(invalid URL)');
  });

  it('makes Basic credentials, with percent-escapes decoded', () => {
    assert.equal(decoded('http://u%40x:p%3Aw@a/'), 'u@x:p:w');
    assert.equal(decoded('http://u@a/'), 'u:');
    assert.equal(decoded('http://u%zz:p@a/'), 'u%zz:p');
    assert.equal(authorizationFromUrl('http://a/'), undefined);
  });
});
