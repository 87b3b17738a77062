import { createServer } from 'node:http';
import { Writable } from 'node:stream';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { Producer } from './producer.js';
import { listen, type Wire } from './wire.js';

/** An exec whose server writes to stdout without end, over the transport given. Always server to client. */
export function execOver(transport: 'websocket' | 'spdy'): Wire {
  return {
    async serve(options, tally, connected) {
      const producer = new Producer(options.size, tally);
      const run = remoteCommandHandler(async (session) => {
        if (session.stdout !== undefined) producer.add(session.stdout);
        await session.closed;
      });
      const server = createServer().on('upgrade', (req, socket, head) => {
        connected();
        run(req, socket, head);
      });
      return await listen(server);
    },

    async connect({ address }, tally) {
      let begin = (): void => {};
      const begun = new Promise<void>((resolve) => (begin = resolve));
      const stdout = new Writable({
        write(chunk: Buffer, _encoding, callback) {
          tally.received(chunk.length);
          callback();
          begin();
        },
      });
      const options = { command: ['produce'], stdout, stderr: false as const, transport };
      void exec(`http://${address.host}:${address.port}/exec`, options).then((result) => {
        throw new Error(`the command ended before the window did: ${result.exitCode}`);
      });
      await begun;
    },
  };
}
