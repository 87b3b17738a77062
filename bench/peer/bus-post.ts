import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import { hostAndPort, STREAM, type Bus } from './bus.js';
import { listen } from './wire.js';

const PATH = '/api/json/v1/send';

/**
 * A POST of JSON per event per peer over connections that are kept, which is how sser sends; the answer is 204.
 *
 * @param sockets Connections to one peer. With more than one, events overtake one another.
 */
export async function postBus(sockets: number): Promise<Bus> {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  let hear: (pod: number, data: string) => void = () => {};
  const server = createServer((req, res) => {
    void bodyOf(req).then((body) => {
      hear(0, (JSON.parse(body) as { readonly msg: string }).msg);
      res.writeHead(204).end();
    });
  });
  const own = await listen(server);
  let peers: readonly { readonly host: string; readonly port: number }[] = [];
  const post = (peer: { readonly host: string; readonly port: number }, body: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
      const req = request({ ...peer, agent, headers, path: PATH, method: 'POST' }, (res) => {
        res.resume().on('end', resolve).on('error', reject);
      });
      req.on('error', reject).end(body);
    });
  return {
    addresses: [own],
    join(addresses) {
      peers = addresses.filter((address) => address !== own).map(hostAndPort);
      return Promise.resolve();
    },
    async publish(data) {
      const body = Buffer.from(JSON.stringify({ stream: STREAM, msg: data }));
      await Promise.all(peers.map((peer) => post(peer, body)));
    },
    follow: (heard) => void (hear = heard),
  };
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
