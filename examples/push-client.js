// Follows a stream in any way, with nothing of the library but where it says so; resumes when the server was away.
// Run: node examples/push-client.js sse|long-poll|watch|websocket [http://host:port] [stream]      beside push-server-http.js
import { setTimeout as sleep } from 'node:timers/promises';
import { EventSource } from 'trunkline/sse';
import { WebSocket } from 'ws';

const [how = 'sse', base = 'http://127.0.0.1:8016', stream = 'news'] = process.argv.slice(2);
const name = encodeURIComponent(stream);
// Where we are. Every way of following gives it and takes it; empty: from now on.
let cursor = '';

const ways = { sse, 'long-poll': longPoll, watch, websocket };
if (ways[how] === undefined) throw new Error(`there are ${Object.keys(ways).join(', ')}`);
for (;;) {
  await ways[how]().catch((error) => console.log(error.cause?.message ?? error.message));
  await sleep(1_000);
}

function sse() {
  // Comes back by itself, as in a browser.
  const source = new EventSource(`${base}/events?stream=${name}`);
  source.addEventListener('message', ({ data }) => console.log(data));
  source.addEventListener('gap', ({ data }) => missing(JSON.parse(data).reason));
  return new Promise((_, reject) => {
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED) reject(new Error('refused'));
    });
  });
}

async function longPoll() {
  for (;;) {
    const response = await fetch(`${base}/v2/keys/${name}?wait=true${cursor && `&cursor=${cursor}`}`);
    cursor ||= response.headers.get('trunkline-cursor') ?? '';
    const text = await response.text();
    // Without an event the server has waited for long enough, or goes away.
    if (text === '') return;
    if (!response.ok) throw new Error(JSON.parse(text).message);
    // Behind a cursor all comes that is due, in a line each.
    for (const line of text.trimEnd().split('\n')) {
      const { action, node, gap, cursor: next } = JSON.parse(line);
      if (action === 'gap') missing(gap.reason);
      else console.log(node.value);
      cursor = next;
    }
  }
}

async function watch() {
  const response = await fetch(`${base}/watch?watch=true&stream=${name}${cursor && `&resourceVersion=${cursor}`}`);
  if (!response.ok) throw new Error((await response.json()).message);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + piece).split('\n');
    text = lines.pop();
    for (const { type, object } of lines.map((line) => JSON.parse(line))) {
      if (type === 'ERROR') missing(object.message);
      else console.log(object.data);
      cursor = object.metadata.resourceVersion;
    }
  }
}

function websocket() {
  const socket = new WebSocket(base.replace('http', 'ws'), 'push.trunkline.dev.v1');
  socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', streams: [stream], cursor })));
  socket.on('message', (text) => {
    const item = JSON.parse(text);
    if (item.type === 'event') console.log(item.data);
    else if (item.type === 'gap') missing(item.reason);
    else if (item.type === 'error') console.log(item.message);
    cursor = item.cursor ?? cursor;
  });
  return new Promise((resolve, reject) => {
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

/** Here a program would load anew what the events are about. */
function missing(why) {
  console.log(`events are missing: ${why}`);
}
