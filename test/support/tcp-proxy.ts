import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Up is from the client to the server. */
export type Direction = 'up' | 'down';

/** One chunk as it passed. */
export interface Passage {
  readonly connection: number;
  readonly direction: Direction;
  readonly data: Buffer;
}

/** Where to cut. */
export interface Cut {
  readonly direction: Direction;
  /** Bytes; a function is asked for each connection. */
  readonly after: number | (() => number);
  /** Only connections whose first bytes match; default all. */
  readonly request?: RegExp;
}

export interface TcpProxyOptions {
  /** `host:port` to connect to. */
  readonly target: string;
  /** Cuts a connection after so many bytes in one direction; none of the chunk past it is passed on. */
  readonly cut?: Cut;
  /** How to cut: `reset` sends RST, `end` sends FIN; both to both ends; a function is asked each time. Default `reset`. */
  readonly cutBy?: 'reset' | 'end' | (() => 'reset' | 'end');
  /** Told of everything that passes. */
  readonly onPassage?: (passage: Passage) => void;
}

export interface TcpProxy extends AsyncDisposable {
  /** `host:port` that it listens on. */
  readonly address: string;
  /** How many connections were cut. */
  readonly cuts: () => number;
  /** Cuts all connections there are now. */
  cutNow(): void;
}

/** A TCP relay on loopback that can record, and cut connections after a number of bytes. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const cuttable = new WeakSet<readonly [Socket, Socket]>();
  let connections = 0;
  let cuts = 0;

  const drop = (pair: readonly [Socket, Socket]): void => {
    if (!pairs.delete(pair)) return;
    cuts++;
    const how = typeof options.cutBy === 'function' ? options.cutBy() : options.cutBy;
    for (const socket of pair) {
      if (how === 'end') socket.destroy();
      else socket.resetAndDestroy();
    }
  };
  const relay = (pair: readonly [Socket, Socket], from: Socket, to: Socket, direction: Direction, id: number): void => {
    let passed = 0;
    const { cut } = options;
    const after = cut?.direction === direction ? bytesBefore(cut) : Number.POSITIVE_INFINITY;
    from.on('data', (data) => {
      if (direction === 'up' && passed === 0 && (cut?.request?.test(data.toString('latin1')) ?? true))
        cuttable.add(pair);
      const limit = cuttable.has(pair) ? after : Number.POSITIVE_INFINITY;
      const part = data.subarray(0, Math.max(0, limit - passed));
      passed += data.length;
      const cutHere = passed >= limit;
      if (part.length > 0) options.onPassage?.({ connection: id, direction, data: part });
      // The cut comes after what was passed on has left: a reset would overtake it.
      const room = to.write(part, () => cutHere && setImmediate(drop, pair));
      if (cutHere) {
        from.pause();
      } else if (!room) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroySoon());
  };

  const { hostname, port } = new URL(`tcp://${options.target}`);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const pair = [client, upstream] as const;
    const id = connections++;
    pairs.add(pair);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    relay(pair, client, upstream, 'up', id);
    relay(pair, upstream, client, 'down', id);
    upstream.on('close', () => pairs.delete(pair));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    cutNow: () => {
      for (const pair of pairs) drop(pair);
    },
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await once(server, 'close');
    },
  };
}

function bytesBefore({ after }: Cut): number {
  return typeof after === 'function' ? after() : after;
}
