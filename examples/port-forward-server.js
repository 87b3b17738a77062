// A port-forward endpoint on plain node:http, for client-go and our client (kubectl: see api-server.js): what is asked for
// is looked for on this machine.
// Only the ports named are within reach. Run it, with something that listens on 8080 (python3 -m http.server 8080):
// node examples/port-forward-server.js [port] [port to forward to ...]      then: node examples/port-forward-client.js
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { portForwardHandler } from 'trunkline/portforward';

const [port = 8012, ...ports] = process.argv.slice(2).map(Number);

const handler = portForwardHandler((wanted) => connect({ host: '127.0.0.1', port: wanted.port }), {
  ports: ports.length === 0 ? [8080] : ports,
  onError: (error, wanted) => console.log(`port ${wanted.port}: ${error.message}`),
});

const server = createServer((_req, res) => res.writeHead(426).end('upgrades only\n'));
server.on('upgrade', handler);
server.listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
