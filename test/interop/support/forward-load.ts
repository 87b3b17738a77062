import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { digestOf, patternSha256, patternStream } from './pattern.js';

/** What {@link load} did. */
export interface LoadResult {
  readonly good: number;
  readonly failures: readonly string[];
  /** TCP connections that the requests took. */
  readonly connections: number;
}

const SIZES = [0, 1, 700, 4_096, 65_535, 100_000];

/** Sends requests for bytes of several sizes over `connections` connections at once, and checks every answer. */
export async function load(port: number, requests: number, connections: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failures: string[] = [];
  const sockets = new Set<unknown>();
  let next = 0;
  let good = 0;
  const worker = async (): Promise<void> => {
    while (next < requests) {
      const index = next++;
      const size = SIZES[index % SIZES.length] ?? 0;
      try {
        const seen = (socket: unknown): unknown => sockets.add(socket);
        const { bytes, sha256 } = await fetchPattern(port, size, agent, seen);
        if (bytes === size && sha256 === patternSha256(size)) good++;
        else failures.push(`request ${index}: ${bytes} bytes of ${size}`);
      } catch (error) {
        failures.push(`request ${index}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  agent.destroy();
  return { good, failures, connections: sockets.size };
}

/** Downloads so many bytes of the pattern; length and digest of what came. */
export async function fetchPattern(
  port: number,
  size: number,
  agent?: Agent,
  onSocket: (socket: unknown) => void = () => {},
): Promise<{ bytes: number; sha256: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path: `/pattern/${size}`, agent: agent ?? false }, resolve);
    req.once('socket', onSocket);
    req.once('error', reject).end();
  });
  return await digestOf(answer);
}

/** Uploads so many bytes of the pattern; what the server says that it got. */
export async function sendPattern(port: number, size: number): Promise<{ bytes: number; sha256: string }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const req = request({ host: '127.0.0.1', port, path: '/digest', method: 'POST', agent: false }, resolve);
    req.once('error', reject);
    patternStream(size).pipe(req);
  });
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  return JSON.parse(text) as { bytes: number; sha256: string };
}

/** How connections to a port end that gives nothing: with an error's code, or `end`. */
export async function attempts(port: number, count: number): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      return await new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        socket.on('end', () => resolve('end'));
        socket.resume();
        socket.write('hello');
      });
    }),
  );
}

/** How a socket ends: with an error's code, or `end`. Node takes a reset behind the last bytes for an end; a write tells. */
export async function endOf(socket: Socket): Promise<string> {
  return await new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('end', () => socket.write(Buffer.alloc(0), (error) => error ?? resolve('end')));
  });
}
