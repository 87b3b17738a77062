import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attributes } from '../../src/apiserver/index.js';
import { withServer } from '../unit/apiserver/support.js';
import { connectTo, everything, requestHead } from './portforward-support.js';

const PATH = '/api/v1/namespaces/default/pods/a/portforward';

// reliability.md, row 21: a WebSocket is a GET, and must not pass for a read.
describe('security: port-forward is authorized as what it does', () => {
  for (const wire of ['spdy', 'tunnel', 'websocket'] as const) {
    it(`${wire}: whoever may only get is forbidden, whoever may create is served`, { timeout: 10_000 }, async () => {
      const asked: string[] = [];
      const answer = async (allowed: string): Promise<string> => {
        const authorize = ({ verb, resource, subresource }: Attributes): boolean => {
          asked.push(`${verb} ${resource}/${subresource}`);
          return verb === allowed;
        };
        let text = '';
        await withServer({ authorize }, async ({ url }) => {
          const socket = connectTo(url);
          const all = everything(socket);
          socket.write(requestHead(`${url}${PATH}`, wire));
          socket.once('data', () => setImmediate(() => socket.destroy()));
          text = await all;
        });
        return text;
      };
      assert.match(await answer('get'), /^HTTP\/1\.1 403 [^]*cannot create resource \\"pods\/portforward\\"/);
      assert.match(await answer('create'), /^HTTP\/1\.1 101 /);
      assert.deepEqual(new Set(asked), new Set(['create pods/portforward']));
    });
  }
});
