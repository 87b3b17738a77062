// Server-sent events in a Fastify application.
// Run: node examples/push-server-fastify.js [port]      then: curl -N 'http://127.0.0.1:8017/events?stream=clock'
import fastify from 'fastify';
import { EventLog, sseHandler } from 'trunkline/push';

const log = new EventLog();
const events = sseHandler(log);
const app = fastify();
app.get('/', async () => 'ordinary requests are Fastify’s\n');
app.get('/events', (request, reply) => {
  reply.hijack(); // the handler answers
  events(request.raw, reply.raw);
});

const ticks = setInterval(() => log.publish('clock', { now: new Date() }, { type: 'tick' }), 1_000);

await app.listen({ port: Number(process.argv[2] ?? process.env.PORT ?? 8017), host: '127.0.0.1' });
console.log(`listening on http://127.0.0.1:${app.server.address().port}/events?stream=clock`);

process.once('SIGINT', async () => {
  clearInterval(ticks);
  log.close();
  await app.close();
});
