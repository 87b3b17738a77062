// A page that opens streams, and gets some: `page.js` beside this file, bundled for browsers.
// Run: node examples/browser/server.js [port]
import { createServer } from 'node:http';
import { setInterval as every } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { WebSocketResponseUpgrader } from 'trunkline/websocket';

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('page.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  platform: 'browser',
  write: false,
});
const html = `<!doctype html><title>Streams in a page</title><link rel="icon" href="data:,">
<p>The server's clock, one stream: <output id="clock"></output></p>
<p>Answered in upper case, a stream each: <input id="text" autofocus> <output id="answer"></output></p>
<p>Said by the server, on a stream that it opened: <output id="news"></output></p>
<script type="module" src="/page.js"></script>`;

const server = createServer((req, res) => {
  const script = req.url === '/page.js';
  res.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html; charset=utf-8' });
  res.end(script ? outputFiles[0].contents : html);
});

// A page of another origin is refused; see `allowedOrigins`.
const upgrader = new WebSocketResponseUpgrader();
server.on('upgrade', (req, socket, head) => {
  const connection = upgrader.upgradeResponse(req, socket, head, serve);
  if (connection !== undefined) greet(connection).catch(({ message }) => console.log(`no greeting: ${message}`));
});

function serve(stream) {
  const kind = stream.headers.get('kind');
  if (kind === 'clock') return tick(stream);
  if (kind === 'shout') return shout(stream);
  return stream.refuse('refused', `there is no ${kind} here`);
}

async function tick(stream) {
  const left = new AbortController();
  stream.once('close', () => left.abort());
  for await (const _ of every(1000, undefined, { signal: left.signal }))
    stream.write(`${new Date().toLocaleTimeString()}\n`);
}

async function shout(stream) {
  const chunks = await stream.toArray();
  stream.end(Buffer.concat(chunks).toString().toUpperCase());
}

async function greet(connection) {
  const stream = await connection.createStream({ kind: 'news' });
  stream.end('welcome');
}

server.listen(Number(process.argv[2] ?? 8013), '127.0.0.1', () => {
  console.log(`open http://127.0.0.1:${server.address().port}`);
});
