import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { systemClock, type Clock } from '../../../src/clock/clock.js';
import { PROBE_TIMEOUT, watchReadiness } from '../../../src/cluster/readiness.js';

/** The clock of the process, with shorter pauses, and more time for answers. */
const clock: Clock = {
  now: () => systemClock.now(),
  setTimeout: (callback, milliseconds) =>
    systemClock.setTimeout(callback, milliseconds === PROBE_TIMEOUT ? 15_000 : milliseconds / 100),
};

/** What a program does upon each question: a status, or a connection that breaks off. */
type Behaviour = readonly (number | 'silence')[];

/** Every change of readiness, by the number of the question that brought it; ends when all were asked. */
async function changesOf(behaviour: Behaviour): Promise<readonly string[]> {
  let asked = 0;
  const changes: string[] = [];
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const now = behaviour[asked++] ?? 'silence';
    assert.equal(req.url, '/ready');
    if (now === 'silence') req.socket.destroy();
    else res.writeHead(now).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const over = (): boolean => asked > behaviour.length;
  await watchReadiness(
    { ip: '127.0.0.1', port, internalPort: 0 },
    { kind: 'http', path: '/ready' },
    clock,
    over,
    (ready) => changes.push(`${asked}:${ready}`),
  );
  server.closeAllConnections();
  server.close();
  return changes;
}

describe('watchReadiness', { timeout: 20_000 }, () => {
  const rows: readonly (readonly [string, Behaviour, readonly string[]])[] = [
    ['a success of any kind is ready', [503, 204], ['2:true']],
    ['a redirect is one, a mistake is none', [404, 302, 400], ['2:true', '3:false']],
    ['a refusal counts at once, and so does the next success', [200, 503, 200], ['1:true', '2:false', '3:true']],
    ['two silences are overlooked', [200, 'silence', 'silence', 200], ['1:true']],
    ['three are not', [200, 'silence', 'silence', 'silence'], ['1:true', '4:false']],
    ['who was never ready is not made so by silence', ['silence', 'silence'], []],
  ];
  for (const [what, behaviour, changes] of rows) {
    it(what, async () => assert.deepEqual(await changesOf(behaviour), changes));
  }
});
