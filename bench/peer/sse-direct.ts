import type { Socket } from 'node:net';
import { FLOOD_BYTES, SSE_HEADERS, STALLED_PATH, type SseServer } from './sse-server.js';

/** Past this nothing is written to a client, so that one that reads slowly does not take all the memory. */
const MAX_WAITING = 1024 * 1024;

/** The limit of Node: the events of a tick framed once, as one chunk, and written to each socket past its response. */
export function directServer(): SseServer {
  const sockets = new Set<Socket>();
  const stalled = new Set<Socket>();
  let events = 0;
  return {
    handler: (req, res) => {
      res.writeHead(200, SSE_HEADERS);
      res.flushHeaders();
      const { socket } = req;
      const all = req.url === STALLED_PATH ? stalled : sockets;
      all.add(socket);
      socket.on('close', () => all.delete(socket));
    },
    broadcast: (data) => {
      const frame = chunk(data.map((one) => `id: ${++events}\ndata: ${one}\n\n`).join(''));
      for (const socket of sockets) if (socket.writableLength < MAX_WAITING) socket.write(frame);
      return data.length * sockets.size;
    },
    flood: () => {
      const frame = chunk(`data: ${'x'.repeat(FLOOD_BYTES)}\n\n`);
      for (const socket of stalled) socket.write(frame);
    },
  };
}

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}
