// Server-sent events in an Express application; a Fastify and a Hono one are beside it.
// Run: node examples/push-server-express.js [port]      then: curl -N 'http://127.0.0.1:8017/events?stream=clock'
import express from 'express';
import { EventLog, sseHandler } from 'trunkline/push';

const log = new EventLog();
const app = express();
app.get('/', (_req, res) => res.send('ordinary requests are Express’s\n'));
app.get('/events', sseHandler(log));

const ticks = setInterval(() => log.publish('clock', { now: new Date() }, { type: 'tick' }), 1_000);

const server = app.listen(Number(process.argv[2] ?? process.env.PORT ?? 8017), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/events?stream=clock`);
});

process.once('SIGINT', () => {
  clearInterval(ticks);
  log.close();
  server.close();
});
