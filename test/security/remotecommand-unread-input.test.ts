import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { SpdyRoundTripper } from '../../src/spdy/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';

const MIB = 1024 * 1024;

async function* endless(progress: { taken: number }): AsyncGenerator<Buffer> {
  for (;;) {
    progress.taken += MIB;
    yield Buffer.alloc(MIB);
  }
}

// reliability.md, rows 10 to 13: what a client sends and nobody reads, and streams that nobody asked for.
describe('security: input of remotecommand that nobody reads', () => {
  for (const transport of ['spdy', 'websocket'] as const) {
    it(
      `${transport}: an endless stdin is held back, and discarded when the command ends`,
      { timeout: 20_000 },
      async () => {
        let end = (): void => {};
        const ended = new Promise<void>((resolve) => {
          end = resolve;
        });
        await using server = await listen(remoteCommandHandler(({ command }) => (command[0] === 'wait' ? ended : 3)));
        const progress = { taken: 0 };
        const running = exec(server.url, { command: ['wait'], stdin: endless(progress), transport });
        let before = -1;
        while (before <= 0 || before !== progress.taken) {
          before = progress.taken;
          // Neighbours get through, one of them with the same greed.
          for (let i = 0; i < 10; i++) {
            assert.equal((await exec(server.url, { command: ['x'], transport })).exitCode, 3);
          }
          assert.equal(
            (await exec(server.url, { command: ['x'], stdin: endless({ taken: 0 }), transport })).exitCode,
            3,
          );
        }
        end();
        assert.equal((await running).exitCode, 0);
        assert.ok(before < 64 * MIB, `${before} bytes were taken`);
        await until(() => server.sockets.size === 0);
      },
    );
  }

  it(
    'data on streams that the server only writes, and on unknown ones, holds nothing up',
    { timeout: 20_000 },
    async () => {
      await using server = await listen(
        remoteCommandHandler(async ({ stdin, stdout }) => {
          for await (const chunk of stdin ?? []) stdout?.write(chunk);
        }),
      );
      const { connection } = await new SpdyRoundTripper().dial({
        url: `${server.url}?command=x&stdin=true&stdout=true`,
        protocols: ['v4.channel.k8s.io'],
      });
      const open = (streamType: string): ReturnType<typeof connection.createStream> =>
        connection.createStream({ streamType });
      const unknown = await open('surprise');
      const error = await open('ERROR');
      const resize = await open('resize');
      const stdout = await open('stdout');
      const stdin = await open('stdin');
      for (const stream of [unknown, error, resize, stdout]) stream.write(Buffer.alloc(2 * MIB));
      stdin.end('echoed');
      let text = '';
      for await (const chunk of stdout) text += String(chunk);
      assert.equal(text, 'echoed');
      await connection.close();
    },
  );

  it('a second stream of a type is refused, the first goes on', { timeout: 20_000 }, async () => {
    await using server = await listen(remoteCommandHandler(({ stdout }) => void stdout?.write('once')));
    const { connection } = await new SpdyRoundTripper().dial({
      url: `${server.url}?command=x&stdout=true`,
      protocols: ['v4.channel.k8s.io'],
    });
    const stdout = await connection.createStream({ streamType: 'stdout' });
    await assert.rejects(connection.createStream({ streamType: 'StdOut' }), { code: 'ERR_STREAM_RESET' });
    await connection.createStream({ streamType: 'error' });
    let text = '';
    for await (const chunk of stdout) text += String(chunk);
    assert.equal(text, 'once');
    await connection.close();
  });

  it('sizes of a terminal that nobody reads do not pile up', { timeout: 20_000 }, async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let last: unknown;
    await using server = await listen(
      remoteCommandHandler(async ({ resizes }) => {
        await released;
        for await (const size of resizes) {
          last = size;
          break;
        }
      }),
    );
    async function* sizes(): AsyncGenerator<{ width: number; height: number }> {
      for (let width = 1; width <= 20_000; width++) yield { width, height: 1 };
      setImmediate(release);
    }
    await exec(server.url, { command: ['x'], tty: true, resizes: sizes(), transport: 'spdy' });
    assert.ok(last);
  });

  it('an endless error stream ends the client, not its memory', { timeout: 20_000 }, async () => {
    const { spdyByHand } = await import('../conformance/remotecommand-server.js');
    await using server = await listen(
      spdyByHand((type, _stream, connection) => {
        if (type !== 'stderr') return;
        const error = connection.streams.get(1);
        const flood = (): void => {
          for (let i = 0; i < 64; i++) error?.write(Buffer.alloc(MIB));
        };
        setImmediate(flood);
      }),
    );
    await assert.rejects(exec(server.url, { command: ['x'], transport: 'spdy' }), {
      code: 'ERR_LIMIT_EXCEEDED',
      limit: 'errorBodyBytes',
    });
  });
});
