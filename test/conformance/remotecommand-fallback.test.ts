import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UpgradeFailureError, refuseUpgrade } from '../../src/httpstream/index.js';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { listen } from './remotecommand-server.js';

const COMMAND = { command: ['x'] };

// client-go tools/remotecommand/fallback_test.go. Its case with an https proxy, from which there is no need to fall back, is
// in proxy-remotecommand.test.ts.
describe('remotecommand fallback', () => {
  it('TestFallbackClient_WebSocketPrimarySucceeds', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(() => 0));
    const { transport, protocol } = await exec(server.url, COMMAND);
    assert.deepEqual([transport, protocol], ['websocket', 'v5.channel.k8s.io']);
    assert.deepEqual(server.upgrades, ['websocket']);
  });

  it('TestFallbackClient_SPDYSecondarySucceeds', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(() => 7, { webSocket: false }));
    const { transport, protocol, exitCode } = await exec(server.url, COMMAND);
    assert.deepEqual([transport, protocol, exitCode], ['spdy', 'v4.channel.k8s.io', 7]);
    assert.deepEqual(
      server.upgrades.map((name) => name.toLowerCase()),
      ['websocket', 'spdy/3.1'],
    );
  });

  it('a server with v4 on WebSocket only is used over SPDY', { timeout: 10_000 }, async () => {
    const serve = remoteCommandHandler(() => 0);
    await using server = await listen((req, socket, head) => {
      if (req.headers.upgrade === 'websocket') refuseUpgrade(socket, 403, 'only v4.channel.k8s.io');
      else serve(req, socket, head);
    });
    assert.equal((await exec(server.url, COMMAND)).transport, 'spdy');
  });

  it('TestFallbackClient_PrimaryAndSecondaryFail: both failures show', { timeout: 10_000 }, async () => {
    await using server = await listen((req, socket) => {
      if (req.headers.upgrade === 'websocket') refuseUpgrade(socket, 400, 'first reason');
      else refuseUpgrade(socket, 403, 'second reason');
    });
    await assert.rejects(exec(server.url, COMMAND), (error: unknown) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.match(error.message, /WebSocket.*first reason.*SPDY.*second reason/);
      assert.equal(error.statusCode, 403);
      assert.equal(error.status?.message, 'second reason');
      assert.equal((error.cause as AggregateError).errors.length, 2);
      return true;
    });
  });

  it('the same reason twice shows once', { timeout: 10_000 }, async () => {
    await using server = await listen((_req, socket) => refuseUpgrade(socket, 404, 'pods "p" not found'));
    await assert.rejects(exec(server.url, COMMAND), { message: 'unable to upgrade connection: pods "p" not found' });
  });

  it('a server that cannot be reached is not tried twice', { timeout: 10_000 }, async () => {
    let dials = 0;
    const dialer = (): Promise<never> => {
      dials++;
      return Promise.reject(new Error('unreachable'));
    };
    await assert.rejects(exec({ url: 'http://127.0.0.1:1/exec', dialer }, COMMAND));
    assert.equal(dials, 1);
  });

  it('credentials are asked for before each attempt, and no failure shows them', { timeout: 10_000 }, async () => {
    const seen: (string | undefined)[] = [];
    await using server = await listen((req, socket) => {
      seen.push(req.headers.authorization);
      refuseUpgrade(socket, 401, 'no');
    });
    let asked = 0;
    const credentials = (): { token: string } => ({ token: `s3cret-${++asked}` });
    const url = server.url.replace('http://', 'http://user:s3cret-p@');
    await assert.rejects(
      exec({ url, credentials }, COMMAND),
      (error: Error) => !JSON.stringify([error, error.message, error.stack, String(error.cause)]).includes('s3cret'),
    );
    assert.deepEqual(seen, ['Bearer s3cret-1', 'Bearer s3cret-2']);
  });
});
