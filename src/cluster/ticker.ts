import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { systemClock } from '../clock/clock.js';
import { systemWallClock } from '../clock/wall.js';

/**
 * The program that pods run unless told otherwise: an SSE stream at `/events` with one event per second, a line in the log
 * for each tick and request, and an echo of its stdin, so that `logs -f` and `attach` have something to show.
 */
const name = process.env['POD_NAME'] ?? 'ticker';
const host = process.env['POD_IP'] ?? '127.0.0.1';
const port = Number(process.env['PORT'] ?? 8000);
const clients = new Set<ServerResponse>();
let tick = 0;

function serve(req: IncomingMessage, res: ServerResponse): void {
  const path = (req.url ?? '/').replace(/\?.*$/, '');
  console.log(`${req.method} ${path} from ${req.socket.remoteAddress}`);
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    res.writeHead(405, { Allow: 'GET, HEAD', 'Content-Type': 'text/plain' }).end('method not allowed\n');
  } else if (path === '/healthz') {
    res.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok\n');
  } else if (path === '/events') {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    if (req.method === 'HEAD') {
      res.end();
      return;
    }
    res.write(`: events of ${name}\n\n`);
    clients.add(res);
    res.once('close', () => clients.delete(res));
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
  const data = JSON.stringify({ pod: name, tick, time: systemWallClock.now().toISOString() });
  for (const client of clients) {
    // A client that does not read misses events; it must not fill this process's memory.
    if (!client.writableNeedDrain) client.write(`id: ${tick}\ndata: ${data}\n\n`);
  }
  console.log(`tick ${tick}, ${clients.size} client${clients.size === 1 ? '' : 's'}`);
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
