// The end of a reverse tunnel behind NAT: dials out to examples/reverse-tunnel-server.js, accepts the streams that come
// from there, and carries each to a server here. Dials again, with growing pauses, whenever the connection is lost.
// Run: node examples/reverse-tunnel-agent.js [address of the server] [name] [local port] [yamux|websocket|spdy]
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dialFirst, pipeStreams } from 'trunkline';
import { SpdyRoundTripper } from 'trunkline/spdy';
import { WebSocketRoundTripper } from 'trunkline/websocket';
import { YamuxRoundTripper } from 'trunkline/yamux';

const [server = 'http://127.0.0.1:8020', name = 'demo', port = '8080', engine] = process.argv.slice(2);
const secret = process.env.TUNNEL_SECRET ?? 'change me';

function newStreamHandler(stream) {
  stream.deferReply();
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  socket.once('connect', () => stream.accept());
  socket.once('error', (error) => stream.refuse('refused', error.message));
  return pipeStreams(stream, socket);
}

const roundTrippers = {
  yamux: new YamuxRoundTripper({ newStreamHandler }),
  websocket: new WebSocketRoundTripper({ newStreamHandler }),
  spdy: new SpdyRoundTripper({ newStreamHandler }),
};
if (engine !== undefined && !(engine in roundTrippers)) throw new Error(`no such engine: ${engine}`);
const request = { url: `${server}/agents/${name}`, headers: { authorization: `Bearer ${secret}` } };

const SHORTEST = 200;
const LONGEST = 30_000;
for (let pause = SHORTEST; ; pause = Math.min(pause * 2, LONGEST)) {
  try {
    const choice = engine === undefined ? Object.values(roundTrippers) : [roundTrippers[engine]];
    const { connection } = await dialFirst(choice, request);
    console.log(`connected to ${server} as ${name}`);
    pause = SHORTEST;
    // Pings find a connection that died without a word.
    const { kind } = await connection.closed;
    console.log(`connection lost: ${kind}`);
  } catch (error) {
    console.log(`no connection: ${error.message}`);
  }
  // Spread, so that many agents don't come back in the same instant.
  await sleep(pause * (0.5 + Math.random()));
}
