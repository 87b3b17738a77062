// Compiled by `npm run check:types` and never run: what the public types of port-forward promise.
import { connect } from 'node:net';
import type { IncomingMessage, Server } from 'node:http';
import { podTarget, type KubeConfigLike } from '../../src/kubernetes/index.js';
import {
  portForward,
  portForwardHandler,
  type ForwardedPort,
  type PortForward,
  type PortForwardEnd,
  type PortForwardTarget,
} from '../../src/portforward/index.js';

export function serverTypes(server: Server): void {
  server.on(
    'upgrade',
    portForwardHandler(({ port }) => connect(port)),
  );
  server.on(
    'upgrade',
    portForwardHandler(
      async ({ port, request, signal }) => {
        const message: IncomingMessage = request;
        signal.throwIfAborted();
        return await Promise.resolve(connect(port, message.url));
      },
      {
        ports: [80],
        errorText: 'always',
        transports: ['tunnel', 'spdy'],
        onError: (_error, { port }) => port.toFixed(),
      },
    ),
  );
  // @ts-expect-error: a dial has to give a stream
  portForwardHandler(() => 'nowhere');
  // @ts-expect-error: no such way of telling
  portForwardHandler(() => connect(1), { errorText: 'never' });
}

export async function clientTypes(config: KubeConfigLike): Promise<void> {
  const targets: readonly PortForwardTarget[] = [
    podTarget(config, { pod: 'p' }),
    { server: 'http://h', pod: 'p', namespace: 'n', token: 't' },
    { url: 'http://h/portforward' },
    'http://h/portforward',
    new URL('http://h/portforward'),
    () => podTarget(config, { pod: 'p' }),
    async () => await Promise.resolve({ server: 'http://h', pod: 'p' }),
  ];
  for (const target of targets) {
    await using forward: PortForward = await portForward(target, ['80', ':80', 80, { local: 0, remote: 80 }], {
      reconnect: { maxAttempts: 3, meanwhile: 'refuse' },
      onConnection: ({ id, closed }) => void closed.then((error: Error | undefined) => [id, error]),
    });
    const ports: readonly ForwardedPort[] = forward.ports;
    const end: PortForwardEnd = await forward.closed;
    if (end.kind === 'lost') throw end.error ?? new Error(String(ports.length));
  }
  // @ts-expect-error: no such transport
  await portForward('http://h', 80, { transport: 'http' });
  // @ts-expect-error: a port is needed
  await portForward('http://h');
}
