// The public end of a reverse tunnel: agents behind NAT dial in, and what connects to an agent's port here is carried to
// it, each TCP connection as a stream that this side opens.
// Run: node examples/reverse-tunnel-server.js [port for agents] [agent=public port]...
//      then: node examples/reverse-tunnel-agent.js
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { anyResponseUpgrader, pipeStreams, refuseUpgrade } from 'trunkline';
import { SpdyResponseUpgrader } from 'trunkline/spdy';
import { WebSocketResponseUpgrader } from 'trunkline/websocket';
import { YamuxResponseUpgrader } from 'trunkline/yamux';

const [port = '8020', ...routes] = process.argv.slice(2);
const secret = process.env.TUNNEL_SECRET ?? 'change me';

/** Name of an agent → its connection. */
const agents = new Map();

// An agent takes the engine that its way here lets through.
const upgrader = anyResponseUpgrader(
  new YamuxResponseUpgrader(),
  new WebSocketResponseUpgrader(),
  new SpdyResponseUpgrader({ stallPolicy: { resetAfter: 30_000 } }),
);
const server = createServer((_req, res) => res.writeHead(426).end('agents only\n'));
server.on('upgrade', (req, socket, head) => {
  const name = /^\/agents\/([\w-]+)$/.exec(req.url)?.[1];
  if (name === undefined) return refuseUpgrade(socket, 404, 'no such path');
  if (req.headers.authorization !== `Bearer ${secret}`) return refuseUpgrade(socket, 401, 'wrong secret');
  const connection = upgrader.upgradeResponse(req, socket, head, refuseStreams);
  if (connection === undefined) return;
  console.log(`agent ${name} is here`);
  // An agent that came back may be faster than the news that it was gone.
  void agents.get(name)?.close();
  agents.set(name, connection);
  void connection.closed.then(({ kind }) => {
    console.log(`agent ${name} is gone: ${kind}`);
    if (agents.get(name) === connection) agents.delete(name);
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log(`agents: http://127.0.0.1:${server.address().port}`));

for (const route of routes.length > 0 ? routes : ['demo=8021']) {
  const [name, publicPort] = route.split('=');
  const listener = createTcpServer({ allowHalfOpen: true }, (client) => carry(client, name));
  listener.listen(Number(publicPort), '127.0.0.1', () => console.log(`${name}: 127.0.0.1:${listener.address().port}`));
}

function carry(client, name) {
  try {
    // No round trip: what the client sends is on its way at once. If the agent refuses the stream, the client is reset.
    const stream = agents.get(name).openStream({ from: `${client.remoteAddress}:${client.remotePort}` });
    pipeStreams(client, stream).catch((error) => console.log(`${name}: ${error.message}`));
  } catch {
    console.log(`${name}: no agent`);
    client.resetAndDestroy();
  }
}

// Here only this side opens streams; an agent could as well.
function refuseStreams(stream) {
  stream.refuse();
}
