import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { anyResponseUpgrader, dialFirst } from '../../../src/index.js';
import { checkOptionNames } from '../../../src/limits/option-names.js';
import { portForward, portForwardHandler } from '../../../src/portforward/index.js';
import { UpgradeAwareProxy, streamTranslator, streamTunnel } from '../../../src/proxy/index.js';
import { copyFrom, copyStreamTo, copyTo, exec, remoteCommandHandler } from '../../../src/remotecommand/index.js';
import {
  SpdyResponseUpgrader,
  SpdyRoundTripper,
  newSpdyClientConnection,
  newSpdyServerConnection,
} from '../../../src/spdy/index.js';
import {
  WebSocketResponseUpgrader,
  WebSocketRoundTripper,
  connectWebSocket,
  dialWebSocketDuplex,
} from '../../../src/websocket/index.js';
import {
  YamuxResponseUpgrader,
  YamuxRoundTripper,
  newYamuxClientConnection,
  newYamuxServerConnection,
} from '../../../src/yamux/index.js';

const INVALID = { name: 'InvalidArgumentError', code: 'ERR_INVALID_ARGUMENT' };

describe('checkOptionNames', () => {
  const known = { reconnect: true, allowedOrigins: true, ports: true } as const;
  const message = (name: string): string => {
    try {
      checkOptionNames('it', { [name]: undefined }, known);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('takes what is known, with any value', () => assert.equal(message('ports'), ''));

  it('names what is not, and what may be meant', () => {
    assert.equal(message('reconect'), 'it has no option "reconect"; is reconnect meant?');
    assert.equal(message('AllowedOrigin'), 'it has no option "AllowedOrigin"; is allowedOrigins meant?');
    assert.equal(message('port'), 'it has no option "port"; is ports meant?');
    assert.equal(message('colour'), 'it has no option "colour"');
    assert.equal(message('toString'), 'it has no option "toString"');
    assert.equal(message('x'.repeat(10_000)).length > 10_000, true);
  });

  it('takes objects only', () => {
    for (const options of [null, 'x', 1]) {
      // Callers without types give anything.
      const given: unknown = options;
      assert.throws(() => checkOptionNames('it', given as object, known), INVALID);
    }
  });
});

describe('misspelt options', () => {
  const target = 'http://127.0.0.1:1/';
  /** Hides the mistake from the compiler. */
  const wrong = (name: string, more: object = {}): object => ({ ...more, [name]: true });
  const makers: Readonly<Record<string, () => unknown>> = {
    'of newYamuxClientConnection': () => newYamuxClientConnection(new PassThrough(), wrong('header')),
    'of newYamuxServerConnection': () => newYamuxServerConnection(new PassThrough(), () => {}, wrong('header')),
    'of YamuxResponseUpgrader': () => new YamuxResponseUpgrader(wrong('idleTimeOut')),
    'of YamuxRoundTripper': () => new YamuxRoundTripper(wrong('idleTimeOut')),
    'of SpdyResponseUpgrader': () => new SpdyResponseUpgrader(wrong('idleTimeOut')),
    'of SpdyRoundTripper': () => new SpdyRoundTripper(wrong('idleTimeOut')),
    'of WebSocketResponseUpgrader': () => new WebSocketResponseUpgrader(wrong('allowedOrigin')),
    'of WebSocketRoundTripper': () => new WebSocketRoundTripper(wrong('subprotocols')),
    'of connectWebSocket': () => connectWebSocket('ws://127.0.0.1:1/', wrong('protocol')),
    'of a request': () => new YamuxRoundTripper().dial({ url: target, ...wrong('prxy') }),
    'of a request for a WebSocket': () => new WebSocketRoundTripper().dial({ url: target, ...wrong('header') }),
    'of dialWebSocketDuplex': () => dialWebSocketDuplex({ url: target, ...wrong('header') }, { protocols: ['a'] }),
    'of portForward': () => portForward(target, ':80', wrong('reconect')),
    'of reconnect': () => portForward(target, ':80', { reconnect: wrong('maxAttempt') }),
    'of portForwardHandler': () => portForwardHandler(() => new PassThrough(), wrong('port')),
    'of UpgradeAwareProxy': () => new UpgradeAwareProxy({ target, ...wrong('authorise') }),
    'of streamTranslator': () => streamTranslator({ target, ...wrong('authorise') }),
    'of streamTunnel': () => streamTunnel({ target, ...wrong('authorise') }),
    'of exec': () => exec(target, { command: 'date', ...wrong('checked') }),
    'of remoteCommandHandler': () => remoteCommandHandler(() => 0, wrong('websocket')),
    'of copyTo': () => copyTo(target, '/', '/tmp', wrong('onProgres')),
    'of copyFrom': () => copyFrom(target, '/', '/tmp', wrong('onProgres')),
    'of copyStreamTo': () => copyStreamTo(target, new PassThrough(), '/tmp/x', { size: 0, ...wrong('mod') }),
  };
  for (const [name, make] of Object.entries(makers)) {
    it(`${name} are refused`, async () => {
      await assert.rejects(async () => await make(), { ...INVALID, message: /has no option "/ });
    });
  }

  it('of another argument are said to belong there', async () => {
    const given = wrong('proxy');
    const ofTarget = { ...INVALID, message: /it belongs to the target$/ };
    await assert.rejects(portForward(target, ':80', given), ofTarget);
    await assert.rejects(exec(target, { command: 'a', ...given }), ofTarget);
    await assert.rejects(copyTo(target, '/', '/', given), ofTarget);
    assert.throws(() => new YamuxRoundTripper(given), { ...INVALID, message: /it belongs to the request$/ });
  });

  it('are not those of another engine: several can be given the same object', () => {
    const all = { idleTimeout: 1, compressionLevel: 1, stallPolicy: 'pause', newStreamHandler: () => {} } as const;
    for (const Class of [YamuxRoundTripper, SpdyRoundTripper, WebSocketRoundTripper]) assert.ok(new Class(all));
  });
});

describe('what is given in place of', () => {
  const anything = (value: unknown): never => value as never;

  it('upgraders has to be upgraders', () => {
    assert.throws(() => anyResponseUpgrader(anything([new YamuxResponseUpgrader()])), INVALID);
    assert.throws(() => anyResponseUpgrader(anything(YamuxResponseUpgrader)), INVALID);
  });

  it('round trippers has to be a list of them', async () => {
    for (const given of [new YamuxRoundTripper(), [undefined], [YamuxRoundTripper], undefined]) {
      await assert.rejects(dialFirst(anything(given), { url: 'http://127.0.0.1:1/' }), INVALID);
    }
  });

  it('a stream, or a handler of streams, has to be one', () => {
    for (const duplex of [undefined, {}]) {
      assert.throws(() => newYamuxClientConnection(anything(duplex)), INVALID);
      assert.throws(() => newSpdyClientConnection(anything(duplex)), INVALID);
    }
    assert.throws(() => newYamuxServerConnection(new PassThrough(), anything(undefined)), INVALID);
    assert.throws(() => newSpdyServerConnection(new PassThrough(), anything({})), INVALID);
    for (const Class of [YamuxResponseUpgrader, SpdyResponseUpgrader, WebSocketResponseUpgrader]) {
      const socket = new PassThrough();
      const upgrade = (): unknown =>
        new Class().upgradeResponse(anything({}), socket, Buffer.alloc(0), anything(undefined));
      assert.throws(upgrade, INVALID);
      assert.equal(socket.readableLength, 0, 'nothing was sent');
    }
  });

  it('a request has to be an object with an address; no address is repeated', async () => {
    for (const given of [
      undefined,
      'http://user:secret@127.0.0.1:1/',
      new URL('http://user:secret@127.0.0.1:1/'),
      {},
    ]) {
      for (const tripper of [new YamuxRoundTripper(), new SpdyRoundTripper(), new WebSocketRoundTripper()]) {
        await assert.rejects(tripper.dial(anything(given)), (error: Error) => {
          assert.equal(error.name, 'InvalidArgumentError');
          assert.doesNotMatch(error.message, /secret/);
          return true;
        });
      }
    }
  });
});
