import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, describe, it } from 'node:test';
import { exec, remoteCommandHandler, type RemoteCommandSession } from '../../src/remotecommand/index.js';
import { listen, until, type UpgradeServer } from './remotecommand-server.js';

/** Sockets and timers that the process holds. */
function held(): string {
  return process
    .getActiveResourcesInfo()
    .filter((name) => name === 'TCPSocketWrap' || name === 'Timeout')
    .toSorted()
    .join();
}

const unhandled: unknown[] = [];
const remember = (error: unknown): void => void unhandled.push(error);
process.on('unhandledRejection', remember);
after(() => {
  process.off('unhandledRejection', remember);
  assert.deepEqual(unhandled, []);
});

type Cut = (server: UpgradeServer) => void;
const fin: Cut = ({ sockets }) => sockets.forEach((socket) => socket.end());
const rst: Cut = ({ sockets }) => sockets.forEach((socket) => socket.resetAndDestroy());
const gone: Cut = ({ sockets }) => sockets.forEach((socket) => socket.destroy());

/** Where a session is when its connection is cut. */
const STAGES: Readonly<Record<string, (session: RemoteCommandSession, reached: () => void) => Promise<void>>> = {
  'before anything is said': async (_session, reached) => reached(),
  'while stdin is read': async ({ stdin }, reached) => {
    for await (const _chunk of stdin ?? []) reached();
  },
  'while stdin waits unread': async ({ signal }, reached) => {
    reached();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
  'while stdout waits for its reader': async ({ stdout, signal }, reached) => {
    while (stdout?.write(Buffer.alloc(256 * 1024)) === true);
    reached();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
  'while the result is on its way': async (session, reached) => {
    session.stdout?.write(Buffer.alloc(16 * 1024 * 1024));
    const finished = session.finish(0);
    reached();
    await finished;
  },
};

const PILED_UP: ReadonlySet<string> = new Set(['while stdout waits for its reader', 'while the result is on its way']);

for (const transport of ['spdy', 'websocket'] as const) {
  describe(`remotecommand over ${transport}: a connection that is cut leaves nothing behind`, () => {
    for (const [stage, play] of Object.entries(STAGES)) {
      for (const [how, cut] of Object.entries({ fin, rst, gone })) {
        // Behind output that nobody takes a FIN is not seen.
        if (cut === fin && PILED_UP.has(stage)) continue;
        it(`${stage}: ${how}`, { timeout: 10_000 }, async () => {
          const before = held();
          const stdin = new PassThrough();
          // Takes nothing, so that output piles up.
          const stdout = new PassThrough({ highWaterMark: 1 });
          let session: RemoteCommandSession | undefined;
          let served = false;
          {
            await using server = await listen(
              remoteCommandHandler(
                async (current) => {
                  session = current;
                  try {
                    await play(current, () => setImmediate(() => cut(server)));
                    await current.closed;
                  } finally {
                    served = true;
                  }
                },
                { closeTimeout: 50, drainTimeout: 50 },
              ),
            );
            stdin.write('x');
            const running = exec(server.url, { command: ['x'], stdin, stdout, transport });
            // What had arrived is delivered before the loss shows.
            void until(() => served).then(() => stdout.resume());
            await assert.rejects(running, { code: 'ERR_CONNECTION_LOST' });
            await until(() => served && server.sockets.size === 0);
          }
          assert.ok(session);
          assert.equal((session.signal.reason as { code: string }).code, 'ERR_CONNECTION_LOST');
          assert.equal(session.stdout?.destroyed, true);
          await until(() => held() === before);
        });
      }
    }
  });
}

describe('remotecommand: a client that is cut off before its streams exist', () => {
  for (const transport of ['spdy', 'websocket'] as const) {
    it(`${transport}: on dialling, while the answer is awaited`, { timeout: 10_000 }, async () => {
      const before = held();
      {
        await using server = await listen((_req, socket) => socket.destroy());
        await assert.rejects(exec(server.url, { command: ['x'], transport }), { code: 'ERR_CONNECTION_LOST' });
      }
      await until(() => held() === before);
    });
  }

  it(
    'after the 101, before all streams are open: creation times out and run is not called',
    { timeout: 10_000 },
    async () => {
      const before = held();
      let ran = 0;
      {
        await using server = await listen(remoteCommandHandler(() => void ran++, { creationTimeout: 20 }));
        const { SpdyRoundTripper } = await import('../../src/spdy/index.js');
        const { connection } = await new SpdyRoundTripper().dial({
          url: `${server.url}?stdout=true&stdin=true`,
          protocols: ['v4.channel.k8s.io'],
        });
        await connection.createStream({ streamType: 'error' });
        assert.equal((await connection.closed).initiator, 'remote');
        await until(() => server.sockets.size === 0);
      }
      assert.equal(ran, 0);
      await until(() => held() === before);
    },
  );

  for (const transport of ['spdy', 'websocket'] as const) {
    it(`${transport}: an abort rejects with its reason and closes`, { timeout: 10_000 }, async () => {
      const before = held();
      const abort = new AbortController();
      {
        let lost: Promise<unknown> | undefined;
        const serve = remoteCommandHandler(async ({ closed }) => {
          lost = closed;
          abort.abort(new Error('enough'));
          await closed;
        });
        await using server = await listen(serve);
        await assert.rejects(exec(server.url, { command: ['x'], transport, signal: abort.signal }), /^Error: enough$/);
        await lost;
        await until(() => server.sockets.size === 0);
      }
      await until(() => held() === before);
    });

    it(`${transport}: an abort while the server does not answer`, { timeout: 10_000 }, async () => {
      const abort = new AbortController();
      await using server = await listen((_req, socket) => {
        socket.on('error', () => {}).on('end', () => socket.end());
        socket.resume();
        abort.abort(new Error('enough'));
      });
      await assert.rejects(exec(server.url, { command: ['x'], transport, signal: abort.signal }), /^Error: enough$/);
      await until(() => server.sockets.size === 0);
    });
  }
});
