// Pods of your own for kubectl: an API server with one pod, whose commands and ports are this machine's. kubectl asks for
// the pod before it upgrades anything, so that an exec or port-forward endpoint alone is not enough for it.
// Run: node examples/api-server.js [port] [port that may be forwarded ...]
// then: kubectl --server=http://127.0.0.1:8015 exec -i web-0 -- wc -c < README.md
//  and: kubectl --server=http://127.0.0.1:8015 port-forward web-0 8888:8080
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { APIServer, MemoryStore, statusError } from 'trunkline/apiserver';
import { runCommand } from './run-command.js';

const [port = 8015, ...ports] = process.argv.slice(2).map(Number);

const pods = new MemoryStore();
const startedAt = new Date().toISOString();
pods.put({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'default', uid: '1', creationTimestamp: startedAt },
  spec: { containers: [{ name: 'main', image: 'none' }] },
  status: {
    phase: 'Running',
    podIP: '127.0.0.1',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [
      { name: 'main', image: 'none', imageID: '', ready: true, restartCount: 0, state: { running: { startedAt } } },
    ],
  },
});

const server = new APIServer({
  port,
  runtime: {
    pods,
    logs: () => Readable.from([Buffer.from('no log is kept\n')]),
    assertRunning() {},
    exec: (pod, container, session) => runCommand(session),
    attach: () => Promise.reject(statusError(400, 'there is no main process')),
    portForward: (pod, wanted) => connect({ port: wanted, host: '127.0.0.1' }),
  },
  onError: (error) => console.error(error),
  portForward: { ports: ports.length === 0 ? [8080] : ports },
});
await server.listen();
console.log(`listening on ${server.url}`);
process.once('SIGINT', () => void server.close());
