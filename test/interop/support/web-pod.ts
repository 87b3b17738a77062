import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { patternStream } from './pattern.js';

/**
 * A web server such as a pod could have. `GET /pattern/N` gives N bytes, `POST /digest` length and digest of the body,
 * `GET /endless` bytes for as long as they are taken.
 */
export function createWebServer(): Server {
  return createServer((req, res) => {
    serve(req, res).catch(() => res.destroy());
  });
}

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [, name = '', size = ''] = (req.url ?? '').split('/');
  if (name === 'pattern') {
    res.setHeader('content-length', size);
    await pipeline(patternStream(Number(size)), res);
  } else if (name === 'endless') {
    await pipeline(patternStream(2 ** 40), res);
  } else if (name === 'digest') {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of req as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    res.end(JSON.stringify({ bytes, sha256: hash.digest('hex') }));
  } else {
    req.resume();
    res.writeHead(404).end();
  }
}

/** Port of a server on 127.0.0.1, once it listens there. */
export async function listenOnLoopback(server: {
  listen(port: number, host: string, ready: () => void): unknown;
  address(): unknown;
}): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
