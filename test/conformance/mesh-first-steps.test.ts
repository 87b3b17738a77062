import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mesh } from '../../src/mesh/mesh.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from '../support/listed-peers.js';
import { TIMES, until } from '../support/mesh-pods.js';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly error: unknown;
}

/** A pod that knows of a port, and what it logs. */
function pod(secret: string | undefined, host = '127.0.0.1'): { mesh: Mesh; finder: ListedPeers; lines: Line[] } {
  const finder = new ListedPeers();
  const lines: Line[] = [];
  const take =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push({ level, message, error: 'error' in fields ? fields.error : undefined });
  const mesh = new Mesh(new EventLog(), {
    finder,
    host,
    port: 0,
    times: TIMES,
    logger: { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') },
    ...(secret === undefined ? {} : { secret }),
  });
  return { mesh, finder, lines };
}

function failures(lines: readonly Line[], level: string): Line[] {
  return lines.filter((line) => line.level === level && line.message === 'dialling failed');
}

describe('a mesh in its first hour', () => {
  it('holds nothing open before it is started', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    pod(undefined);
    assert.equal(timers(), before);
  });

  it('warns when anybody may reach its internal port, and be trusted', async () => {
    // Addresses that no machine has: it warns before it listens, and cannot.
    for (const [secret, host, warnings] of [
      [undefined, '192.0.2.1', 1],
      ['0123456789abcdef', '192.0.2.1', 0],
    ] as const) {
      const { mesh, lines } = pod(secret, host);
      await assert.rejects(mesh.start(), { code: 'EADDRNOTAVAIL' });
      assert.equal(lines.filter(({ message }) => message.startsWith('no secret and no TLS')).length, warnings);
    }
  });

  it('says once, for people, why a pod cannot be dialled: one has a secret, the other has none', async () => {
    const guarded = pod('0123456789abcdef');
    const open = pod(undefined);
    await using one = guarded.mesh;
    await using other = open.mesh;
    const started = Promise.allSettled([one.start(), other.start()]);
    await until(() => one.port !== 0 && other.port !== 0);
    guarded.finder.set(other.port);
    open.finder.set(one.port);
    await until(() => failures(guarded.lines, 'debug').length > 0 && failures(open.lines, 'debug').length > 0);
    const [told, ...more] = failures(guarded.lines, 'info');
    assert.match(String(told?.error), /asks for no proof of the secret of the mesh/);
    assert.deepEqual(more, []);
    assert.match(String(failures(open.lines, 'info')[0]?.error), /prove the secret of the mesh/);
    await Promise.all([one.close(), other.close()]);
    await started;
  });
});
