import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('support/mesh/namespace-main.js', import.meta.url));

/** Whether pods can have namespaces, cables and slow queues here. */
function allowed(): boolean {
  const script =
    'ip link add br9 type bridge && ip link add v0 type veth peer name v1 && tc qdisc add dev v0 root tbf rate 8kbit burst 2k latency 50ms';
  try {
    execFileSync('unshare', ['-rn', 'sh', '-c', script], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const skip = allowed() ? false : 'this kernel or user may make no network namespaces, bridges or queues';

describe('A mesh in network namespaces', () => {
  const name = 'F2, F4, F5: gets over a cable that is pulled and put back, and over one at 1 KiB/s with loss';
  it(skip === false ? name : `NOT RUN, ${skip}: ${name}`, { skip, timeout: 120_000 }, async () => {
    const child = spawn('unshare', ['-rn', process.execPath, MAIN], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 0, said);
    assert.match(said, /^linked: .*\npulled: .*\nslowed: .*\nchecked: .*\n$/);
  });
});
