import type { Cluster } from '../cluster/index.js';
import { kubectlCommands } from '../dashboard/commands.js';

/** The one line that `--json` prints. */
export function readyLine({ apiServer, dashboard, pods }: Cluster): string {
  const shown = pods.map(({ name, ip, pid, events }) => ({ name, ip, pid: pid ?? null, events }));
  return `${JSON.stringify({ apiServer, dashboard, pods: shown })}\n`;
}

/** What a person is told: where everything is, and what to try. */
export function instructions({ apiServer, dashboard, pods }: Cluster): string {
  const lines = [
    '',
    `  API server  ${apiServer}`,
    `  Dashboard   ${dashboard}`,
    ...pods.map(({ name, pid, events }) => `  Pod         ${name}  ${pid === undefined ? 'not running' : events}`),
    '',
    '  Try, in another terminal:',
    '',
    ...eventCommands(pods).map((command) => `    ${command}`),
    ...kubectlCommands(apiServer, pods[0]).map((command) => `    ${command}`),
    '',
    '  Ctrl-C stops everything.',
    '',
    '',
  ];
  return lines.join('\n');
}

/** Follow on one pod, publish on another, where the pods are linked. */
function eventCommands([one, other = one]: Cluster['pods']): readonly string[] {
  const stream = one === undefined ? null : new URL(one.events).searchParams.get('stream');
  if (one === undefined || other === undefined || stream === null) return [];
  return [
    `curl -N '${one.events}'`,
    `curl -d 'hello' '${new URL('/publish', other.events).href}?stream=${encodeURIComponent(stream)}'`,
  ];
}
