import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { FakeSession, isAlive, runSession, until } from './support.js';

const sh = (script: string): readonly string[] => ['sh', '-c', script];
const TIMEOUT = { timeout: 20_000 };

describe('exec with pipes', TIMEOUT, () => {
  for (const code of [0, 1, 7, 127, 137, 255]) {
    it(`gives exit code ${code}`, async () => {
      assert.equal((await runSession(new FakeSession(sh(`exit ${code}`)))).result, code);
    });
  }

  it('gives 128 and the signal', async () => {
    assert.equal((await runSession(new FakeSession(sh('kill -9 $$')))).result, 137);
    assert.equal((await runSession(new FakeSession(sh('kill -TERM $$')))).result, 143);
  });

  it('keeps stdout and stderr apart, and runs in the given place', async () => {
    const { stdout, stderr } = await runSession(new FakeSession(sh('echo out $GREETING; echo err >&2; pwd')));
    assert.deepEqual([stdout.toString(), stderr], ['out hello\n/\n', 'err\n']);
  });

  it('says in a runtime’s words that there is no such program', async () => {
    const { result } = await runSession(new FakeSession(['no-such-program']));
    assert.ok(result instanceof Error);
    assert.match(result.message, /exec: "no-such-program": executable file not found in \$PATH$/);
  });

  for (const tty of [false, true]) {
    it(`refuses an argument with a zero byte${tty ? ' in a terminal' : ''}`, async () => {
      const { result } = await runSession(new FakeSession(['echo', 'a\0b'], { tty }));
      assert.ok(result instanceof Error);
      assert.match(result.message, /exec: "echo": invalid argument$/);
    });
  }

  it('passes stdin on, half-close included', async () => {
    const session = new FakeSession(['sh', '-c', 'cat; echo end'], { stdin: true });
    const data = randomBytes(3_000_000);
    session.stdin?.end(data);
    const { result, stdout } = await runSession(session);
    assert.equal(result, 0);
    assert.ok(stdout.equals(Buffer.concat([data, Buffer.from('end\n')])));
  });

  it('survives a command that does not read its stdin', async () => {
    const session = new FakeSession(sh('exec 0<&-; sleep 0.2; exit 4'), { stdin: true });
    session.stdin?.write(Buffer.alloc(1_000_000));
    assert.equal((await runSession(session)).result, 4);
  });

  it('delivers all output before the result, at the pace of the client', async () => {
    const session = new FakeSession(sh('head -c 5000000 /dev/zero'));
    const { result, stdout } = await runSession(session);
    assert.deepEqual([result, stdout.length], [0, 5_000_000]);
  });

  it('does not wait for a process that the command left behind with its pipes', async () => {
    const { result, stdout } = await runSession(new FakeSession(sh('sleep 600 & echo hi')));
    assert.deepEqual([result, stdout.toString()], [0, 'hi\n']);
  });

  for (const trap of ['', 'trap "" HUP TERM; ']) {
    it(`ends the command when the client is gone${trap && ', even one that ignores it'}`, async () => {
      const session = new FakeSession(sh(`${trap}echo $$; sleep 600; sleep 600`));
      let text = '';
      session.stdout.on('data', (chunk) => {
        text += String(chunk);
      });
      const run = runSession(session);
      await until(() => text.endsWith('\n'));
      session.gone.abort(new Error('gone'));
      session.stdout.destroy();
      await run;
      await until(() => !isAlive(Number(text)));
    });
  }
});

describe('exec in a terminal', TIMEOUT, () => {
  it('has the size that the client says', async () => {
    const session = new FakeSession(sh('stty size; test -t 0 && test -t 1 && test -t 2; echo $? $TERM'), {
      tty: true,
      sizes: [{ width: 123, height: 45 }],
    });
    const { result, stdout } = await runSession(session);
    assert.deepEqual([result, stdout.toString()], [0, '45 123\r\n0 xterm\r\n']);
  });

  it('loses no output at the end', async () => {
    const session = new FakeSession(sh('head -c 1048576 /dev/zero | tr "\\0" x; echo; exit 3'), { tty: true });
    const { result, stdout } = await runSession(session);
    assert.deepEqual([result, stdout.length], [3, 1_048_578]);
  });

  it('passes Ctrl-C on as a signal, and 128 and its number back', async () => {
    const session = new FakeSession(sh('echo ready; exec sleep 600'), { tty: true, stdin: true });
    session.stdout.once('data', () => session.stdin?.write('\x03'));
    assert.equal((await runSession(session)).result, 130);
  });

  it('types the end of stdin as Ctrl-D, also within a line', async () => {
    for (const input of ['abc\n', 'abc']) {
      const session = new FakeSession(['wc', '-c'], { tty: true, stdin: true });
      session.stdin?.end(input);
      const { result, stdout } = await runSession(session);
      assert.equal(result, 0);
      assert.match(stdout.toString(), new RegExp(`${input.length}\\r\\n$`));
    }
  });

  it('hangs up when the client is gone', async () => {
    const session = new FakeSession(sh('echo $$; sleep 600'), { tty: true });
    let text = '';
    session.stdout.on('data', (chunk) => {
      text += String(chunk);
    });
    const run = runSession(session);
    await until(() => text.endsWith('\n'));
    session.gone.abort(new Error('gone'));
    session.stdout.destroy();
    await run;
    await until(() => !isAlive(Number(text)));
  });

  it('ends although a job that was left behind writes on', async () => {
    const session = new FakeSession(sh('trap "" HUP; (while :; do echo y; done) & echo hi'), { tty: true });
    const { result } = await runSession(session);
    assert.equal(result, 0);
  });
});
