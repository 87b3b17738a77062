// Upgrades a request and accepts streams in a handler: each stream is echoed in upper case.
// Run: node examples/streams-server.js [port]
import { createServer } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HEADER_PROTOCOL_VERSION, HandshakeError, anyResponseUpgrader, handshake, refuseUpgrade } from 'trunkline';
import { SpdyResponseUpgrader } from 'trunkline/spdy';
import { WebSocketResponseUpgrader } from 'trunkline/websocket';
import { YamuxResponseUpgrader } from 'trunkline/yamux';

const options = { idleTimeout: 60_000 };
const upgrader = anyResponseUpgrader(
  new YamuxResponseUpgrader(options),
  new WebSocketResponseUpgrader(options),
  new SpdyResponseUpgrader(options),
);
const server = createServer((req, res) => res.writeHead(426).end('this server speaks yamux, WebSocket and SPDY/3.1\n'));

server.on('upgrade', (req, socket, head) => {
  let protocol;
  try {
    protocol = handshake(req, ['shout.example']);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    refuseUpgrade(socket, error.statusCode, error.message, { headers: error.headers });
    return;
  }
  const connection = upgrader.upgradeResponse(
    req,
    socket,
    head,
    // Not an async function: what it does before it returns decides on the stream, its promise is the serving of it.
    (stream) => {
      if (stream.headers.get('kind') !== 'text') return stream.refuse('refused', 'only text streams are served');
      console.log(`stream ${stream.id} from ${stream.headers.get('name')}`);
      return pipeline(stream, upperCase(), stream);
    },
    { [HEADER_PROTOCOL_VERSION]: protocol },
  );
  void connection?.closed.then(({ kind }) => console.log(`connection closed: ${kind}`));
});

server.listen(Number(process.argv[2] ?? 8010), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

function upperCase() {
  return new Transform({ transform: (chunk, _encoding, done) => done(null, chunk.toString().toUpperCase()) });
}
