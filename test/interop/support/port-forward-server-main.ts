// A port-forward server in a process of its own, so that it can be killed. Forwards to ports of 127.0.0.1, prints {"addr"},
// and ends when its stdin does.
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { portForwardHandler } from '../../../src/portforward/index.js';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });

const server = createServer();
server.on(
  'upgrade',
  portForwardHandler(({ port }) => connect(port, '127.0.0.1')),
);
server.listen(Number(values.port), '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify({ addr: `127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
