// An exec endpoint on plain node:http, for client-go, our client and API servers; for kubectl see api-server.js. It runs what
// it is told to: keep it on loopback.
// Run: node examples/exec-server-http.js [port]      then: node examples/exec-client.js
import { createServer } from 'node:http';
import { remoteCommandHandler } from 'trunkline/remotecommand';
import { runCommand } from './run-command.js';

const server = createServer((_req, res) => res.writeHead(426).end('upgrades only\n'));
server.on('upgrade', remoteCommandHandler(runCommand));

server.listen(Number(process.argv[2] ?? 8011), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
