import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '../clock/clock.js';
import { systemWallClock } from '../clock/wall.js';
import { EventLog } from '../push/log/event-log.js';
import { sseHandler } from '../push/sse/index.js';

/**
 * The program that pods run unless told otherwise: an event stream at `/events` with one event per second, from which clients
 * resume; a line in the log for each tick and request, and an echo of its stdin, so that `logs -f` and `attach` have something
 * to show.
 */
const name = process.env['POD_NAME'] ?? 'ticker';
const host = process.env['POD_IP'] ?? '127.0.0.1';
const port = Number(process.env['PORT'] ?? 8000);
const log = new EventLog();
const events = sseHandler(log, { stream: 'ticks' });
let tick = 0;

function serve(req: IncomingMessage, res: ServerResponse): void {
  const path = (req.url ?? '/').replace(/\?.*$/, '');
  console.log(`${req.method} ${path} from ${req.socket.remoteAddress}`);
  if (path === '/events') {
    events(req, res);
  } else if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain' }).end('method not allowed\n');
  } else if (path === '/healthz') {
    res.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok\n');
  } else {
    res.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found; try /events\n');
  }
}

const server = createServer((req, res) => {
  req.socket.on('error', () => {});
  serve(req, res);
});

function beat(): void {
  tick++;
  log.publish('ticks', { pod: name, tick, time: systemWallClock.now().toISOString() });
  console.log(`tick ${tick}, ${events.clients} client${events.clients === 1 ? '' : 's'}`);
  systemClock.setTimeout(beat, 1000);
}

server.listen(port, host, () => {
  console.log(`${name} listens on http://${host}:${port}/events`);
  systemClock.setTimeout(beat, 1000);
});

process.stdin.setEncoding('utf8').on('data', (text) => {
  for (const line of String(text).split('\n')) if (line !== '') console.log(`stdin: ${line}`);
});
process.stdin.on('error', () => {});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    console.log(`${signal}, stopping`);
    process.exit(0);
  });
}
