// Follows the stream of examples/sse-server.js, also when that is stopped and started again: it resumes where it was.
// Run: node examples/sse-client.js [url] [count]
import { SSEClient } from 'trunkline/sse';

const url = process.argv[2] ?? 'http://127.0.0.1:8014/ticks';
const count = Number(process.argv[3] ?? 10);

const client = new SSEClient({ idleTimeout: 45_000 });
client.getStream(url);

void (async () => {
  for await (const open of client.opens) console.log(open ? 'open' : 'lost');
})();
void (async () => {
  for await (const error of client.errors) console.error(`given up: ${error.message}`);
})();

let seen = 0;
for await (const { type, data, lastEventId } of client.events()) {
  console.log(`${lastEventId} ${type} ${data}`);
  seen += 1;
  if (seen === count) break;
}
client.close();
