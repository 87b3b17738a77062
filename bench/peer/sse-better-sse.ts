import { createChannel, createSession } from 'better-sse';
import { STALLED_PATH, type SseServer } from './sse-server.js';

/** better-sse with its defaults, except that it sends no comments to keep connections alive. */
export function betterSseServer(): SseServer {
  const channel = createChannel();
  return {
    handler: (req, res) => {
      if (req.url === STALLED_PATH) throw new Error('better-sse has no bound for clients that stall');
      void createSession(req, res, { keepAlive: null }).then((session) => channel.register(session));
    },
    broadcast: (data) => {
      for (const one of data) channel.broadcast(one);
      return data.length * channel.sessionCount;
    },
    flood: () => {},
  };
}
