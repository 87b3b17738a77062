// Server-Sent Events over several pods in the shape of the Go package go.skia.org/infra/go/sser. Pods of that package may be
// among the peers: they are posted events, and post theirs.
// Run two, each in a terminal of its own, and use the commands that they print:
//   node examples/mesh-sser.js 1
//   node examples/mesh-sser.js 2
import { createServer } from 'node:http';
import { SSEServer, StaticPeerFinder } from 'trunkline/mesh';

const index = Number(process.argv[2] ?? 1);
const internal = (i) => `127.0.0.1:${7200 + i}`;
const server = new SSEServer(
  7200 + index,
  new StaticPeerFinder([internal(1), internal(2)], { self: internal(index) }),
  {
    host: '127.0.0.1',
  },
);
await server.start();

const events = server.clientConnectionHandler();
const frontend = createServer((req, res) => {
  if (req.url.startsWith('/events?')) events(req, res);
  else res.writeHead(404).end();
});
frontend.listen(8200 + index, '127.0.0.1', () => {
  console.log(`pod ${index} is ready. Follow it, and send a line from here or as a pod of the Go package does:
  curl -N 'http://127.0.0.1:${8200 + index}/events?stream=foo'
  curl -d '{"stream":"foo","msg":"posted"}' http://${internal(index)}/api/json/v1/send`);
});

process.stdin.setEncoding('utf8').on('data', async (line) => {
  try {
    const { acks } = await server.send('foo', line.trimEnd());
    console.log(`${acks} pods have it`);
  } catch (error) {
    console.log(error.message); // an empty line, for one
  }
});
process.once('SIGINT', async () => {
  process.stdin.destroy();
  console.log('drained:', await server.drain());
  frontend.close();
  await server.close();
});
