import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { StreamResetError } from '../../src/errors/index.js';
import { exec, type ExecOptions } from '../../src/remotecommand/index.js';
import { listen, spdyByHand, until } from './remotecommand-server.js';

const V2 = 'v2.channel.k8s.io';
const COMMAND = { command: ['x'], transport: 'spdy' } as const;
const discard = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

// client-go tools/remotecommand/v2_test.go.
describe('remotecommand v2: TestV2CreateStreams', () => {
  const sets: readonly (readonly [name: string, options: Partial<ExecOptions>, types: string])[] = [
    ['stdout only', { stderr: false }, 'error stdout'],
    ['stderr only', { stdout: false }, 'error stderr'],
    ['stdin only', { stdin: 'x', stdout: false, stderr: false }, 'error stdin'],
    ['stdin and stdout', { stdin: 'x', stderr: false }, 'error stdin stdout'],
    ['all', { stdin: 'x' }, 'error stdin stdout stderr'],
    ['all, with sinks', { stdin: 'x', stdout: discard(), stderr: discard() }, 'error stdin stdout stderr'],
    ['a terminal has no stderr', { stdin: 'x', tty: true }, 'error stdin stdout'],
  ];
  for (const [name, options, types] of sets) {
    it(`opens in order: ${name}`, { timeout: 10_000 }, async () => {
      const opened: string[] = [];
      const count = types.split(' ').length;
      await using server = await listen(
        spdyByHand((type, _stream, connection) => {
          opened.push(type);
          if (opened.length === count) for (const stream of connection.streams.values()) stream.end();
        }, V2),
      );
      await exec(server.url, { ...COMMAND, ...options });
      assert.equal(opened.join(' '), types);
    });
  }

  it('v3 and v4 add resize to a terminal', { timeout: 10_000 }, async () => {
    for (const protocol of ['v3.channel.k8s.io', 'v4.channel.k8s.io']) {
      const opened: string[] = [];
      await using server = await listen(
        spdyByHand((type, _stream, connection) => {
          opened.push(type);
          if (type !== 'resize') return;
          for (const stream of connection.streams.values()) stream.end(stream.id === 1 ? '{"status":"Success"}' : '');
        }, protocol),
      );
      const ending = exec(server.url, { ...COMMAND, tty: true });
      // Text is a failure before v4; here only the streams matter.
      await (protocol === 'v3.channel.k8s.io' ? assert.rejects(ending, { code: 'ERR_EXEC' }) : ending);
      assert.equal(opened.join(' '), 'error stdout resize');
    }
  });

  for (const refused of ['error', 'stdin', 'stdout', 'stderr']) {
    it(`fails when the ${refused} stream is refused, and leaves nothing open`, { timeout: 10_000 }, async () => {
      await using server = await listen(
        spdyByHand((type) => {
          if (type === refused) throw new Error('refused');
        }, V2),
      );
      await assert.rejects(exec(server.url, { ...COMMAND, stdin: 'x' }), StreamResetError);
      await until(() => server.sockets.size === 0);
    });
  }
});

async function run(end: 'empty' | 'content' | 'reset' | 'lost'): Promise<unknown> {
  await using server = await listen(
    spdyByHand((type, _stream, connection) => {
      if (type !== 'stderr') return;
      for (const stream of connection.streams.values()) {
        const isError = stream.headers.get('streamtype') === 'error';
        if (end === 'content' && isError) stream.write('some error');
        if (isError && end === 'reset') stream.reset();
        else if (isError && end === 'lost') for (const socket of server.sockets) socket.destroySoon();
        else stream.end();
      }
    }, V2),
  );
  return await exec(server.url, COMMAND).then(
    (result) => result.exitCode,
    (error: unknown) => error,
  );
}

describe('remotecommand v2: TestV2ErrorStreamReading', () => {
  it('nothing and an orderly end is success', { timeout: 10_000 }, async () => {
    assert.equal(await run('empty'), 0);
  });

  it('text is a failure', { timeout: 10_000 }, async () => {
    const error = (await run('content')) as Error & { code: string };
    assert.equal(error.code, 'ERR_EXEC');
    assert.equal(error.message, 'error executing remote command: some error');
  });

  for (const end of ['reset', 'lost'] as const) {
    it(`a ${end} error stream is a lost connection, not success`, { timeout: 10_000 }, async () => {
      assert.equal(((await run(end)) as { code: string }).code, 'ERR_CONNECTION_LOST');
    });
  }
});
