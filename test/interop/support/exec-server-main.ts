// An exec server in a process of its own, so that its memory and handles can be measured from outside. Prints {"addr"},
// answers each line "stats" on stdin with a line of statistics, and ends when stdin does.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { remoteCommandHandler, type RemoteCommandSession } from '../../../src/remotecommand/index.js';
import type { ExecServerStats } from './exec-server.js';
import { runBuiltIn, runProcess, runningProcesses } from './run-command.js';

const { values } = parseArgs({ options: { 'no-websocket': { type: 'boolean', default: false } } });

let open = 0;
let served = 0;
const handle = remoteCommandHandler(
  async (session: RemoteCommandSession) => {
    open++;
    served++;
    try {
      return await (runBuiltIn(session) ?? runProcess(session));
    } finally {
      open--;
    }
  },
  { webSocket: !values['no-websocket'], onError: (error) => console.error(error) },
);

const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'local', stdin: true }] },
  status: { phase: 'Running' },
};
// As much of the API as kubectl asks for before exec.
const answers: Readonly<Record<string, unknown>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'] }],
  },
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.4' },
  '/api/v1/namespaces/default/pods/p': pod,
};

function reply(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((req, res) => {
  const path = new URL(req.url ?? '/', 'http://localhost').pathname;
  const answer = answers[path];
  if (answer === undefined) reply(res, 404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 });
  else reply(res, 200, answer);
});
server.on('upgrade', handle);
server.listen(0, '127.0.0.1', () => {
  print({ addr: `127.0.0.1:${(server.address() as AddressInfo).port}` });
});

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function countResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

createInterface({ input: process.stdin })
  .on('line', () => {
    const stats: ExecServerStats = { open, served, processes: runningProcesses(), resources: countResources() };
    print(stats);
  })
  .on('close', () => process.exit(0));
