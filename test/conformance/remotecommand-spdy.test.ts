import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { exec, remoteCommandHandler, type RunRemoteCommand } from '../../src/remotecommand/index.js';
import { SUCCESS, exitStatus, listen, spdyByHand, until } from './remotecommand-server.js';

const echo: RunRemoteCommand = async ({ stdin, stdout, stderr }) => {
  if (stdin === undefined) stdout?.write('no stdin');
  else if (stdout !== undefined) await pipeline(stdin, stdout);
  stderr?.write('err');
};

// client-go tools/remotecommand/spdy_test.go and remotecommand_test.go; both wires, because the outcome must not differ.
for (const transport of ['spdy', 'websocket'] as const) {
  describe(`remotecommand over ${transport}: TestSPDYExecutorStream, TestStreamRandomData`, () => {
    for (const code of [0, 1, 7, 127, 137, 255]) {
      it(`exit code ${code}`, { timeout: 10_000 }, async () => {
        await using server = await listen(remoteCommandHandler(() => code));
        const result = await exec(server.url, { command: ['x'], transport });
        assert.equal(result.exitCode, code);
        assert.equal(result.transport, transport);
        await until(() => server.sockets.size === 0);
      });
    }

    it('1 MiB of random bytes comes back as it went', { timeout: 20_000 }, async () => {
      await using server = await listen(remoteCommandHandler(echo));
      const sent = randomBytes(1024 * 1024);
      const stdout = new PassThrough({ highWaterMark: 2 * sent.length });
      const { exitCode, stderr } = await exec(server.url, { command: ['x'], stdin: sent, stdout, transport });
      assert.equal(exitCode, 0);
      assert.equal(stderr, 'err');
      assert.ok(sent.equals(stdout.read(sent.length) as Buffer));
    });

    it('half-close: all of stdin, its end, then output and exit code', { timeout: 10_000 }, async () => {
      const count: RunRemoteCommand = async ({ stdin, stdout }) => {
        let bytes = 0;
        for await (const chunk of stdin ?? []) bytes += (chunk as Buffer).length;
        stdout?.write(String(bytes));
        return 3;
      };
      await using server = await listen(remoteCommandHandler(count));
      async function* source(): AsyncGenerator<string> {
        for (let i = 0; i < 10; i++) yield 'x'.repeat(1000);
      }
      const { exitCode, stdout } = await exec(server.url, { command: ['wc'], stdin: source(), transport });
      assert.deepEqual([exitCode, stdout], [3, '10000']);
    });

    it('without any stream but stdout', { timeout: 10_000 }, async () => {
      await using server = await listen(remoteCommandHandler(echo));
      const { stdout, stderr } = await exec(server.url, { command: ['x'], stderr: false, transport });
      assert.deepEqual([stdout, stderr], ['no stdin', '']);
    });

    it('an application error is an ExecError with the Status', { timeout: 10_000 }, async () => {
      const fail: RunRemoteCommand = () => Promise.reject(new Error('container is gone'));
      await using server = await listen(remoteCommandHandler(fail));
      await assert.rejects(
        exec(server.url, { command: ['x'], transport }),
        (error: Error & Record<string, unknown>) => {
          assert.equal(error.code, 'ERR_EXEC');
          assert.match(error.message, /container is gone/);
          assert.equal((error.status as { code: number }).code, 500);
          return true;
        },
      );
    });

    it('a command that ends leaves an unfinished stdin behind', { timeout: 10_000 }, async () => {
      await using server = await listen(remoteCommandHandler(() => 5));
      const stdin = new PassThrough();
      stdin.write('never read');
      const { exitCode } = await exec(server.url, { command: ['x'], stdin, transport });
      assert.equal(exitCode, 5);
      assert.equal(stdin.destroyed, false);
      assert.deepEqual(
        ['data', 'drain'].map((name) => stdin.listenerCount(name)),
        [0, 0],
      );
    });

    it('the sizes of the terminal arrive, the first at once', { timeout: 10_000 }, async () => {
      const read: RunRemoteCommand = async ({ resizes, stdout }) => {
        for await (const { width, height } of resizes) {
          stdout?.write(`${width}x${height} `);
          if (width === 3) break;
        }
      };
      await using server = await listen(remoteCommandHandler(read));
      async function* sizes(): AsyncGenerator<{ width: number; height: number }> {
        yield { width: 80, height: 24 };
        await until(() => text !== '');
        yield { width: 3, height: 4 };
      }
      let text = '';
      const stdout = new PassThrough().on('data', (chunk) => (text += String(chunk)));
      await exec(server.url, { command: ['x'], tty: true, resizes: sizes(), stdout, transport });
      assert.equal(text, '80x24 3x4 ');
    });
  });
}

describe('remotecommand over SPDY: servers as the originals are', () => {
  it('a Status is taken though the server then resets its streams', { timeout: 10_000 }, async () => {
    await using server = await listen(
      spdyByHand((type, stream, connection) => {
        if (type === 'stdout') stream.write('out');
        if (type !== 'stderr') return;
        for (const other of connection.streams.values()) {
          if (other.headers.get('streamtype') === 'error') other.write(exitStatus(42));
        }
        setImmediate(() => void connection.close());
      }),
    );
    const { exitCode, stdout } = await exec(server.url, { command: ['x'], transport: 'spdy' });
    assert.deepEqual([exitCode, stdout], [42, 'out']);
  });

  for (const [name, text] of [
    ['no Status', ''],
    ['half a Status', SUCCESS.slice(0, 20)],
  ] as const) {
    for (const end of ['closes', 'is cut off', 'ends its streams'] as const) {
      if (end === 'ends its streams' && text !== '') continue;
      it(`TestStreamExitsAfterConnectionIsClosed: ${name}, then the server ${end}`, { timeout: 10_000 }, async () => {
        await using server = await listen(
          spdyByHand((type, _stream, connection) => {
            if (type !== 'stderr') return;
            for (const other of connection.streams.values()) {
              if (text !== '' && other.headers.get('streamtype') === 'error') other.write(text);
              if (end === 'ends its streams') other.end();
            }
            if (end === 'closes') setImmediate(() => void connection.close());
            if (end === 'is cut off') setImmediate(() => server.sockets.forEach((socket) => socket.destroy()));
          }),
        );
        await assert.rejects(exec(server.url, { command: ['x'], transport: 'spdy' }), { code: 'ERR_CONNECTION_LOST' });
      });
    }
  }
});
