import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler, type RemoteCommandTarget } from '../../src/remotecommand/index.js';
import { listen } from '../conformance/remotecommand-server.js';

// reliability.md, row 23: CR, LF and NUL in whatever ends up in a request.
describe('security: injection through what a remotecommand client is given', () => {
  for (const evil of ['a\r\nX-Evil: 1', 'a\nb', 'a\0b']) {
    const targets: Readonly<Record<string, (dialer: () => Promise<never>) => RemoteCommandTarget>> = {
      token: (dialer) => ({ url: 'http://127.0.0.1:1/exec', token: evil, dialer }),
      'fresh token': (dialer) => ({ url: 'http://127.0.0.1:1/exec', credentials: () => ({ token: evil }), dialer }),
      'header value': (dialer) => ({ url: 'http://127.0.0.1:1/exec', headers: { a: evil }, dialer }),
      'header name': (dialer) => ({ url: 'http://127.0.0.1:1/exec', headers: { [evil]: 'a' }, dialer }),
      'pod name': (dialer) => ({ server: 'http://127.0.0.1:1', pod: evil, dialer }),
      namespace: (dialer) => ({ server: 'http://127.0.0.1:1', namespace: evil, pod: 'p', dialer }),
    };
    for (const [place, target] of Object.entries(targets)) {
      for (const transport of ['websocket', 'spdy'] as const) {
        it(`${transport}: ${JSON.stringify(evil)} as ${place} is refused before anything is dialled`, async () => {
          let dials = 0;
          const dialer = (): Promise<never> => {
            dials++;
            return Promise.reject(new Error('must not be dialled'));
          };
          await assert.rejects(exec(target(dialer), { command: ['x'], transport }), { code: 'ERR_INVALID_ARGUMENT' });
          assert.equal(dials, 0);
        });
      }
    }
  }

  for (const transport of ['websocket', 'spdy'] as const) {
    it(`${transport}: in arguments and container names they are data`, { timeout: 10_000 }, async () => {
      const evil = 'a b&stdin=true\r\nX-Evil: 1\0#?%';
      let seen: unknown;
      await using server = await listen(
        remoteCommandHandler(({ command, container, stdin, req }) => {
          seen = { command, container, stdin, evil: req.headers['x-evil'] };
        }),
      );
      await exec(server.url, { command: [evil, ''], container: evil, transport });
      assert.deepEqual(seen, { command: [evil, ''], container: evil, stdin: undefined, evil: undefined });
    });
  }
});
