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
    ...kubectlCommands(apiServer, pods[0]).map((command) => `    ${command}`),
    '',
    '  Ctrl-C stops everything.',
    '',
    '',
  ];
  return lines.join('\n');
}
