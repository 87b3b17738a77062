import { connect, createServer, type Socket } from 'node:net';
import { Packr } from 'msgpackr';
import { hostAndPort, STREAM, type Bus } from './bus.js';
import { listen } from './wire.js';

const HEAD_BYTES = 4;
const packr = new Packr({ useRecords: false });

/**
 * The least that a link can be: a socket per peer, length and msgpack of each event, corked for each turn of the event
 * loop, and back the number of the last event that was read, a line per read. No log, no order by origin, no repair.
 */
export async function linkBus(): Promise<Bus> {
  let hear: (pod: number, data: string) => void = () => {};
  const own = await listen(createServer((socket) => answer(socket, (data) => hear(0, data))));
  const links: Link[] = [];
  let n = 0;
  let waiting: { readonly n: number; readonly resolve: () => void }[] = [];
  const acknowledged = (): void => {
    const least = Math.min(...links.map(({ acked }) => acked));
    const done = waiting.filter((one) => one.n <= least);
    if (done.length === 0) return;
    waiting = waiting.filter((one) => one.n > least);
    for (const { resolve } of done) resolve();
  };
  return {
    addresses: [own],
    async join(addresses) {
      const others = addresses.filter((address) => address !== own);
      links.push(...(await Promise.all(others.map((address) => Link.open(address, acknowledged)))));
    },
    publish(data) {
      n += 1;
      const bytes = packr.pack([n, STREAM, 'message', data]);
      const head = Buffer.allocUnsafe(HEAD_BYTES);
      head.writeUInt32BE(bytes.length, 0);
      for (const link of links) link.send(head, bytes);
      return new Promise((resolve) => waiting.push({ n, resolve }));
    },
    follow: (heard) => void (hear = heard),
  };
}

class Link {
  acked = 0;
  readonly #socket: Socket;
  #corked = false;

  constructor(socket: Socket, acknowledged: () => void) {
    this.#socket = socket;
    let text = '';
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      this.acked = Number(lines.at(-1) ?? this.acked);
      acknowledged();
    });
  }

  static open(address: string, acknowledged: () => void): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect(hostAndPort(address), () => resolve(new Link(socket, acknowledged)));
      socket.on('error', reject);
    });
  }

  send(head: Buffer, bytes: Buffer): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(head);
    this.#socket.write(bytes);
  }
}

function answer(socket: Socket, heard: (data: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true).on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let last: number | undefined;
    while (bytes.length >= HEAD_BYTES && bytes.length >= HEAD_BYTES + bytes.readUInt32BE(0)) {
      const end = HEAD_BYTES + bytes.readUInt32BE(0);
      const [n, , , data] = packr.unpack(bytes.subarray(HEAD_BYTES, end)) as [number, string, string, string];
      heard(data);
      last = n;
      bytes = bytes.subarray(end);
    }
    rest = bytes;
    if (last !== undefined) socket.write(`${last}\n`);
  });
}
