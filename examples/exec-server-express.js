// The exec endpoint beside an Express application.
// Run: node examples/exec-server-express.js [port]      then: node examples/exec-client.js
import { createServer } from 'node:http';
import express from 'express';
import { remoteCommandHandler } from 'trunkline/remotecommand';
import { runCommand } from './run-command.js';

const app = express();
app.get('/', (_req, res) => res.send('ordinary requests are Express’s\n'));

const server = createServer(app);
server.on('upgrade', remoteCommandHandler(runCommand));

server.listen(Number(process.argv[2] ?? 8011), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
