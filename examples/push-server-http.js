// One event log, followed in every way: by a page (EventSource), SSE, long-poll, watch and WebSocket.
// Run: node examples/push-server-http.js [port], then open the address that it prints, or use the commands it prints.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { EventLog, longPollHandler, sseHandler, watchHandler, webSocketHandler } from 'trunkline/push';

const log = new EventLog();
const page = await readFile(new URL('push-browser/index.html', import.meta.url));

const routes = {
  '/': (_req, res) => res.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page),
  '/publish': publish,
  '/events': sseHandler(log),
  '/v2/keys': longPollHandler(log), // and everything below it: the rest of the path is the stream
  '/watch': watchHandler(log),
};
const server = createServer((req, res) => {
  const path = req.url.split('?', 1)[0];
  const route = routes[path.startsWith('/v2/keys/') ? '/v2/keys' : path];
  if (route === undefined) res.writeHead(404).end('no such path\n');
  else route(req, res);
});
server.on('upgrade', webSocketHandler(log));

async function publish(req, res) {
  if (req.method !== 'POST') return res.writeHead(405, { allow: 'POST' }).end();
  // Not for pages of other sites, and not without end.
  if (req.headers['sec-fetch-site'] === 'cross-site') return res.writeHead(403).end();
  if (!(Number(req.headers['content-length']) <= 65_536)) return res.writeHead(413).end();
  const { searchParams } = new URL(req.url, 'http://localhost');
  try {
    const event = log.publish(searchParams.get('stream') ?? 'news', await text(req));
    res.writeHead(200, { 'content-type': 'application/json' }).end(`{"index":${event.index}}\n`);
  } catch (error) {
    res.writeHead(400).end(`${error.message}\n`);
  }
}

server.listen(Number(process.argv[2] ?? process.env.PORT ?? 8016), '127.0.0.1', () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  console.log(`open ${base}, or follow the stream "news" from terminals:
  curl -N '${base}/events?stream=news'
  curl '${base}/v2/keys/news?wait=true'
  curl -N '${base}/watch?watch=true&stream=news'
  node examples/push-client.js websocket ${base} news
and publish: curl -d hello '${base}/publish?stream=news'`);
});

process.once('SIGINT', () => {
  log.close(); // ends every response in order; browsers and other clients come back when there is a server again
  server.close();
});
