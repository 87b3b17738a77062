// The base64 channel protocols between ours and Go's: our client and cri-streaming's server (k8s.io/streaming wsstream); the
// WebSocket client of wsstream's tests (golang.org/x/net/websocket) and our server.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { dialChannels, type ChannelConnection, type ChannelMode } from '../../src/websocket/index.js';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import { runGoOnce, startGoServer, type GoServer } from './support/go-programs.js';
import { textOf } from './support/ops.js';
import { digestOf, patternChunks, patternSha256 } from './support/pattern.js';

const PROTOCOLS = ['base64.channel.k8s.io', 'v4.base64.channel.k8s.io'] as const;
const CLIENT_MODES: readonly ChannelMode[] = ['write', 'read', 'read', 'read', 'write'];
const BYTES = 3_000_001;

function query(command: readonly string[]): string {
  const fields = new URLSearchParams({ stdin: 'true', stdout: 'true', stderr: 'true' });
  for (const word of command) fields.append('command', word);
  return `/api/v1/namespaces/default/pods/p/exec?${fields}`;
}

describe('our client, Go server', () => {
  let server: GoServer<unknown>;
  before(async () => {
    server = await startGoServer('execserver', ['-no-v5']);
  });
  after(() => server.stop());

  const dial = (protocol: string, command: readonly string[]): Promise<ChannelConnection> =>
    dialChannels(
      { url: `http://${server.address}${query(command)}` },
      { protocols: [protocol], channels: CLIENT_MODES },
    );

  for (const protocol of PROTOCOLS) {
    it(`${protocol}: bytes both ways`, { timeout: 60_000 }, async () => {
      const connection = await dial(protocol, ['head', '-c', String(BYTES)]);
      assert.equal(connection.protocol, protocol);
      for (const chunk of patternChunks(BYTES)) connection.channel(0).write(chunk);
      assert.deepEqual(await digestOf(connection.channel(1)), { bytes: BYTES, sha256: patternSha256(BYTES) });
      await connection.close();
    });

    it(`${protocol}: stderr and the result`, { timeout: 60_000 }, async () => {
      const connection = await dial(protocol, ['sh', '-c', 'echo err >&2; exit 7']);
      const [stderr, result] = await Promise.all([textOf(connection.channel(2)), textOf(connection.channel(3))]);
      assert.equal(stderr, 'err\n');
      if (protocol.startsWith('v4.')) {
        const { details } = JSON.parse(result) as { details: { causes: readonly object[] } };
        assert.deepEqual(details.causes, [{ reason: 'ExitCode', message: '7' }]);
      } else {
        assert.match(result, /exit/);
      }
      await connection.close();
    });
  }
});

describe('Go client, our server', () => {
  let server: ExecServer;
  before(async () => {
    server = await startExecServer();
  });
  after(() => server.stop());

  interface Outcome {
    readonly protocol: readonly string[];
    readonly stdout: { readonly bytes: number; readonly sha256: string };
    readonly stderr: string;
    readonly error: string;
  }

  for (const protocol of PROTOCOLS) {
    it(protocol, { timeout: 60_000 }, async () => {
      const script = `head -c ${BYTES}; echo err >&2; exit 7`;
      const url = `ws://${server.address}${query(['sh', '-c', script])}`;
      const args = ['-url', url, '-protocol', protocol, '-stdin', String(BYTES), '-chunk', '1000'];
      const outcome = await runGoOnce<Outcome>('base64client', args);
      const sha256 = createHash('sha256').update('x'.repeat(BYTES)).digest('hex');
      assert.deepEqual(
        [outcome.protocol, outcome.stdout, outcome.stderr],
        [[protocol], { bytes: BYTES, sha256 }, 'err\n'],
      );
      assert.match(outcome.error, protocol.startsWith('v4.') ? /"reason":"ExitCode","message":"7"/ : /exit code 7/);
    });
  }
});
