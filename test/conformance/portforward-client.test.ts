// client-go tools/portforward/portforward_test.go, by the names of its tests.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { describe, it } from 'node:test';
import { parseAddresses, parsePortSpecs } from '../../src/portforward/listen-spec.js';
import { ListenError, portForward, portForwardHandler, type PortForward } from '../../src/portforward/index.js';
import { listen, until } from './remotecommand-server.js';
import { answerOf, forwardByHand, listenOn, withEcho, withoutIPv6 } from './portforward-support.js';

const all = (address: string): string => `${address} any of`;
const must = (address: string): string => `${address} required`;

describe('TestParsePortsAndNew', () => {
  const cases: readonly {
    readonly specs: readonly string[];
    readonly addresses?: readonly string[];
    readonly ports?: readonly (readonly [number, number])[];
    readonly listen?: readonly string[];
  }[] = [
    { specs: [] },
    { specs: ['a'] },
    { specs: [':a'] },
    { specs: ['-1'] },
    { specs: ['65536'] },
    { specs: ['0'] },
    { specs: ['0:0'] },
    { specs: ['a:5000'] },
    { specs: ['5000:a'] },
    { specs: ['5000:5000'], addresses: ['127.0.0.257'] },
    { specs: ['5000:5000'], addresses: ['::g'] },
    { specs: ['5000:5000'], addresses: ['domain.invalid'] },
    {
      specs: ['5000', '5000:5000', '8888:5000', '5000:8888', ':5000', '0:5000'],
      addresses: ['localhost'],
      ports: [
        [5000, 5000],
        [5000, 5000],
        [8888, 5000],
        [5000, 8888],
        [0, 5000],
        [0, 5000],
      ],
      listen: [all('127.0.0.1'), all('::1')],
    },
    { specs: ['5000'], ports: [[5000, 5000]], listen: [all('127.0.0.1'), all('::1')] },
    { specs: ['5000'], addresses: ['localhost', '127.0.0.1'], listen: [must('127.0.0.1'), all('::1')] },
    { specs: ['5000'], addresses: ['localhost', '::1'], listen: [all('127.0.0.1'), must('::1')] },
    { specs: ['5000'], addresses: ['localhost', '127.0.0.1', '::1'], listen: [must('127.0.0.1'), must('::1')] },
    {
      specs: ['5000'],
      addresses: ['localhost', '127.0.0.1', '10.10.10.1'],
      listen: [must('10.10.10.1'), must('127.0.0.1'), all('::1')],
    },
    { specs: ['5000'], addresses: ['127.0.0.1', '::1', 'localhost'], listen: [must('127.0.0.1'), must('::1')] },
    { specs: ['5000'], addresses: ['10.0.0.1', '127.0.0.1'], listen: [must('10.0.0.1'), must('127.0.0.1')] },
  ];
  for (const { specs, addresses = ['localhost'], ports, listen: expected } of cases) {
    it(`${specs.join(' ') || 'nothing'} on ${addresses.join(' ')}`, () => {
      if (ports === undefined && expected === undefined) {
        assert.throws(() => [parsePortSpecs(specs), parseAddresses(addresses)], { code: 'ERR_INVALID_ARGUMENT' });
        return;
      }
      const parsed = parsePortSpecs(specs).map(({ local, remote }) => [local, remote]);
      if (ports !== undefined) assert.deepEqual(parsed, ports);
      const found = parseAddresses(addresses).map((one) => (one.required ? must : all)(one.address));
      assert.deepEqual(found, expected);
    });
  }

  it('is done before anything is dialled', async () => {
    let dials = 0;
    const target = {
      url: 'http://127.0.0.1/',
      dialer: () => {
        dials++;
        return Promise.reject(new Error('dialled'));
      },
    };
    await assert.rejects(portForward(target, ['80', 'x']), { code: 'ERR_INVALID_ARGUMENT' });
    await assert.rejects(portForward(target, '80', { addresses: 'nowhere' }), { code: 'ERR_INVALID_ARGUMENT' });
    await assert.rejects(portForward({ server: 'http://h', pod: '../x' }, '80'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.equal(dials, 0);
  });
});

/** Forwards on addresses; the server never gets a connection. */
async function forwarding(
  addresses: readonly string[],
  spec: string,
  test: (forward: PortForward) => void | Promise<void>,
): Promise<void> {
  await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
  await using forward = await portForward(server.url, spec, { addresses });
  await test(forward);
}

async function occupied(host: string, test: (port: number) => Promise<void>): Promise<void> {
  const holder: Server = createServer();
  await listenOn(holder, host);
  try {
    await test((holder.address() as AddressInfo).port);
  } finally {
    holder.close();
    await once(holder, 'close');
  }
}

describe('TestGetListener', () => {
  for (const address of ['127.0.0.1', '::1']) {
    it(`${address}, any free port`, { skip: address === '::1' && withoutIPv6 }, async () => {
      await forwarding([address], ':5000', ({ ports }) => {
        assert.deepEqual(ports, [{ address, localPort: ports[0]?.localPort, remotePort: 5000 }]);
        assert.ok((ports[0]?.localPort ?? 0) > 0);
      });
    });
  }

  it('localhost: the same port on both addresses', { skip: withoutIPv6 }, async () => {
    await forwarding(['localhost'], ':5000', ({ ports }) => {
      assert.deepEqual(
        ports.map(({ address }) => address),
        ['127.0.0.1', '::1'],
      );
      assert.equal(ports[0]?.localPort, ports[1]?.localPort);
    });
  });

  it('localhost: one of the two may fail', { skip: withoutIPv6 }, async () => {
    await occupied('127.0.0.1', async (port) => {
      await forwarding(['localhost'], `${port}:5000`, ({ ports }) => {
        assert.deepEqual(ports, [{ address: '::1', localPort: port, remotePort: 5000 }]);
      });
    });
  });

  it('an address that was asked for may not fail, and the error names it', async () => {
    await occupied('127.0.0.1', async (port) => {
      await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
      const refused = (error: unknown): boolean => {
        assert.ok(error instanceof ListenError);
        assert.equal(error.code, 'ERR_LISTEN');
        assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}: .*EADDRINUSE`));
        assert.deepEqual([...error.failures.keys()], ['127.0.0.1']);
        return true;
      };
      const options = { addresses: ['127.0.0.1', 'localhost'] };
      await assert.rejects(portForward(server.url, [':5000', `${port}:80`], options), refused);
      await until(() => server.sockets.size === 0);
    });
  });
});

describe('TestGetPortsReturnsDynamicallyAssignedLocalPort', () => {
  it('several ports, in the order in which they were given', async () => {
    await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
    await using forward = await portForward(server.url, [':80', ':443'], { addresses: '127.0.0.1' });
    assert.deepEqual(
      forward.ports.map(({ remotePort }) => remotePort),
      [80, 443],
    );
    assert.notEqual(forward.ports[0]?.localPort, forward.ports[1]?.localPort);
  });
});

describe('TestHandleConnection', () => {
  for (const transport of ['spdy', 'tunnel'] as const) {
    it(`${transport}: what each side sends reaches the other`, async () => {
      await withEcho(async (echoPort) => {
        await using server = await listen(portForwardHandler(({ port }) => connect(port, '127.0.0.1')));
        await using forward = await portForward(server.url, `:${echoPort}`, { transport, addresses: '127.0.0.1' });
        assert.deepEqual(await answerOf(forward.ports[0]?.localPort ?? 0, 'hello'), {
          text: 'hello',
          error: undefined,
        });
        await until(() => forward.connections === 0);
      });
    });
  }
});

describe('TestHandleConnectionSendsRemoteError', () => {
  it('text on the error stream fails that connection, with the text, and no other', async () => {
    const errors: string[] = [];
    await using server = await listen(forwardByHand('text'));
    await using forward = await portForward(server.url, ':80', {
      transport: 'spdy',
      addresses: '127.0.0.1',
      onConnectionError: (error, { id }) => errors.push(`${id}: ${error.message}`),
    });
    const port = forward.ports[0]?.localPort ?? 0;
    assert.deepEqual(await answerOf(port, ''), { text: '', error: 'ECONNRESET' });
    assert.deepEqual(await answerOf(port, ''), { text: '', error: 'ECONNRESET' });
    await until(() => errors.length === 2);
    assert.deepEqual(errors, ['0: error: boom', '1: error: boom']);
  });

  it('a data stream that is refused fails the connection; the reason behind it is found', async () => {
    const errors: Error[] = [];
    await using server = await listen(forwardByHand('refuse'));
    await using forward = await portForward(server.url, ':80', {
      transport: 'spdy',
      addresses: '127.0.0.1',
      onConnectionError: (error) => errors.push(error),
    });
    assert.deepEqual(await answerOf(forward.ports[0]?.localPort ?? 0, ''), { text: '', error: 'ECONNRESET' });
    await until(() => errors.length === 1);
    assert.equal(errors[0]?.message, 'error: boom');
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ERR_PORT_FORWARD');
  });
});

describe('TestHandleConnection, streams that the server does not take', () => {
  it('an error stream that is refused fails the connection at once, and its data stream with it', async () => {
    const errors: Error[] = [];
    await using server = await listen(forwardByHand('refuse-error'));
    await using forward = await portForward(server.url, ':80', {
      transport: 'spdy',
      addresses: '127.0.0.1',
      onConnectionError: (error) => errors.push(error),
    });
    assert.deepEqual(await answerOf(forward.ports[0]?.localPort ?? 0, ''), { text: '', error: 'ECONNRESET' });
    await until(() => errors.length === 1);
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ERR_STREAM_RESET');
    assert.equal(forward.connections, 0);
  });
});

describe('TestForwardPortsReturnsErrorWhenConnectionIsLost, TestWaitForConnectionExitsOnStreamConnClosed', () => {
  it('ends, says why, and listens no more', async () => {
    await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
    const forward = await portForward(server.url, ':80', { addresses: '127.0.0.1' });
    for (const socket of server.sockets) socket.resetAndDestroy();
    const { kind, error } = await forward.closed;
    assert.equal(kind, 'lost');
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_CONNECTION_LOST');
    assert.equal((await answerOf(forward.ports[0]?.localPort ?? 0, '')).error, 'ECONNREFUSED');
    await forward.close();
  });
});

describe('TestForwardPortsReturnsNilWhenStopChanIsClosed', () => {
  it('close() is no failure', async () => {
    await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
    const forward = await portForward(server.url, ':80', { addresses: '127.0.0.1' });
    await forward.close();
    assert.deepEqual(await forward.closed, { kind: 'closed' });
    await until(() => server.sockets.size === 0);
  });

  it('nor is the signal', async () => {
    await using server = await listen(portForwardHandler(() => Promise.reject(new Error('unused'))));
    const stop = new AbortController();
    const forward = await portForward(server.url, ':80', { addresses: '127.0.0.1', signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    assert.deepEqual(await forward.closed, { kind: 'aborted', error: reason });
    await until(() => server.sockets.size === 0);
  });
});
