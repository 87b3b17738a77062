// Forwards local ports: to examples/port-forward-server.js, or to a pod of any Kubernetes API server. Ends with Ctrl-C.
// Run: node examples/port-forward-client.js [address of the endpoint] [8888:8080 ...]
//  or: node examples/port-forward-client.js [address of the API server]#[pod] [8888:8000 ...]   (npm start has both)
import { portForward } from 'trunkline/portforward';

const [address = 'http://127.0.0.1:8012/portforward', ...specs] = process.argv.slice(2);
const [server, pod] = address.split('#');
const target = pod === undefined ? server : { server, pod };

const forward = await portForward(target, specs.length === 0 ? ':8080' : specs, {
  reconnect: true,
  onConnection: ({ id, peer, port }) => console.log(`${id}: ${peer} → ${port.remotePort}`),
  onConnectionError: (error, { id }) => console.log(`${id}: ${error.message}`),
  onDisconnect: (error) => console.log(`${error.message}; trying again`),
  onReconnect: (transport) => console.log(`connected again, ${transport}`),
}).catch((error) => {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
});
console.log(`connected, ${forward.transport}`);
for (const { address: host, localPort, remotePort } of forward.ports) {
  console.log(`forwarding ${host} port ${localPort} to ${remotePort}`);
}

process.once('SIGINT', () => forward.close());
const { kind, error } = await forward.closed;
console.log(kind, error?.message ?? '');
