// Serves an event stream: a tick each second, with ids, resumed where a client stopped.
// Run: node examples/sse-server.js [port], then for example: curl -N http://127.0.0.1:8014/ticks
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { sinkEvents } from 'trunkline/sse';

const server = createServer(async (req, res) => {
  if (req.url !== '/ticks') {
    res.writeHead(404).end('try /ticks\n');
    return;
  }
  // Header bytes are UTF-8; Node shows each as one character.
  const lastId = Number(Buffer.from(req.headers['last-event-id'] ?? '0', 'latin1').toString());
  const end = await sinkEvents(res, 200, (signal) => ticks(Number.isSafeInteger(lastId) ? lastId : 0, signal), {
    reconnectTime: 1_000,
  });
  console.log(`stream over: ${end}`);
});

async function* ticks(lastId, signal) {
  for (let id = lastId + 1; !signal.aborted; id += 1) {
    yield { id: String(id), event: id % 5 === 0 ? 'fifth' : 'message', data: new Date().toISOString() };
    await sleep(1_000, undefined, { signal }).catch(() => {});
  }
}

server.listen(Number(process.argv[2] ?? 8014), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/ticks`);
});
