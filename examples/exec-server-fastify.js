// The exec endpoint beside a Fastify application.
// Run: node examples/exec-server-fastify.js [port]      then: node examples/exec-client.js
import fastify from 'fastify';
import { remoteCommandHandler } from 'trunkline/remotecommand';
import { runCommand } from './run-command.js';

const app = fastify();
app.get('/', async () => 'ordinary requests are Fastify’s\n');
app.server.on('upgrade', remoteCommandHandler(runCommand));

await app.listen({ port: Number(process.argv[2] ?? 8011), host: '127.0.0.1' });
console.log(`listening on http://127.0.0.1:${app.server.address().port}`);
