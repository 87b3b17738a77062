// One pod of several that serve one event log: a client of any pod gets what is published on any pod.
// Run three, each in a terminal of its own, and use the commands that they print:
//   node examples/mesh-pod.js 1
//   node examples/mesh-pod.js 2
//   node examples/mesh-pod.js 3
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Mesh, StaticPeerFinder } from 'trunkline/mesh';
import { EventLog, sseHandler } from 'trunkline/push';

const index = Number(process.argv[2] ?? 1);
const internal = (i) => `127.0.0.1:${7100 + i}`;
const log = new EventLog();
const mesh = new Mesh(log, {
  name: `pod-${index}`,
  // In Kubernetes: new PodPeerFinder({ labelSelector: 'app=web' }) of trunkline/kubernetes, and one port for all.
  finder: new StaticPeerFinder([internal(1), internal(2), internal(3)], { self: internal(index) }),
  host: '127.0.0.1',
  port: 7100 + index,
  secret: process.env.MESH_SECRET ?? 'only for this machine',
});
const events = sseHandler(log);
const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, 'http://localhost');
  if (pathname === '/events') return events(req, res);
  if (pathname !== '/publish' || req.method !== 'POST') return res.writeHead(404).end();
  if (req.headers['sec-fetch-site'] === 'cross-site') return res.writeHead(403).end();
  if (!(Number(req.headers['content-length']) <= 65_536)) return res.writeHead(413).end();
  try {
    // Settles when another pod has it too: what was published survives this pod.
    const { acks } = await mesh.publish(searchParams.get('stream') ?? 'news', await text(req));
    res.writeHead(200).end(`${acks} pods have it\n`);
  } catch (error) {
    res.writeHead(error.code === 'ERR_POD_NOT_READY' ? 503 : 400).end(`${error.message}\n`);
  }
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());
try {
  await mesh.start({ signal: stop.signal }); // has copied what the others hold
} catch (error) {
  if (!stop.signal.aborted) throw error;
  process.exit();
}
server.listen(8100 + index, '127.0.0.1', () => {
  const base = `http://127.0.0.1:${8100 + index}`;
  console.log(`${mesh.name} is ready:
  curl -N '${base}/events?stream=news'
  curl -d hello '${base}/publish?stream=news'`);
});
if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve));

console.log(`drained: ${await mesh.drain()}`); // others have all that this pod holds
server.close();
log.close(); // clients come back, to another pod
await mesh.close();
