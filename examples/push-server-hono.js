// Server-sent events in a Hono application on Node.
// Run: node examples/push-server-hono.js [port]      then: curl -N 'http://127.0.0.1:8017/events?stream=clock'
import { serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { EventLog, sseHandler } from 'trunkline/push';

const log = new EventLog();
const events = sseHandler(log);
const app = new Hono();
app.get('/', (context) => context.text('ordinary requests are Hono’s\n'));
app.get('/events', ({ env: { incoming, outgoing } }) => {
  events(incoming, outgoing);
  return RESPONSE_ALREADY_SENT;
});

const ticks = setInterval(() => log.publish('clock', { now: new Date() }, { type: 'tick' }), 1_000);

const port = Number(process.argv[2] ?? process.env.PORT ?? 8017);
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => {
  console.log(`listening on http://127.0.0.1:${address.port}/events?stream=clock`);
});

process.once('SIGINT', () => {
  clearInterval(ticks);
  log.close();
  server.close();
});
