import type { Duplex } from 'node:stream';
import { dialChannels, type ChannelMode, type ChannelRequest } from '../carrier/websocket/index.js';
import type { DialOptions } from './client-spdy.js';
import type { ClientStreams } from './client-types.js';
import { CHANNELS } from './protocol.js';
import type { RemoteCommandRequest } from './types.js';

const PROTOCOL = 'v5.channel.k8s.io';

/**
 * Opens a session over a WebSocket. Only v5 is offered, as by client-go's `NewWebSocketExecutor`: below it stdin cannot
 * be half-closed, and SPDY does better.
 *
 * @throws what `dialChannels` throws: UpgradeFailureError when the server does not upgrade.
 */
export async function dialWebSocketStreams(
  request: ChannelRequest,
  wanted: RemoteCommandRequest,
  options: DialOptions,
): Promise<ClientStreams> {
  const modes: ChannelMode[] = [];
  modes[CHANNELS.stdin] = wanted.stdin ? 'write' : 'ignore';
  modes[CHANNELS.stdout] = wanted.stdout ? 'read' : 'ignore';
  modes[CHANNELS.stderr] = wanted.stderr ? 'read' : 'ignore';
  modes[CHANNELS.error] = 'read';
  modes[CHANNELS.resize] = wanted.tty ? 'write' : 'ignore';
  const { limits, clock } = options;
  const connection = await dialChannels(request, {
    protocols: [PROTOCOL],
    channels: modes,
    halfClose: () => true,
    limits,
    clock,
  });
  const channel = (has: boolean, number: number): Duplex | undefined => (has ? connection.channel(number) : undefined);
  return {
    transport: 'websocket',
    protocol: PROTOCOL,
    stdin: channel(wanted.stdin, CHANNELS.stdin),
    stdout: channel(wanted.stdout, CHANNELS.stdout),
    stderr: channel(wanted.stderr, CHANNELS.stderr),
    resize: channel(wanted.tty, CHANNELS.resize),
    error: connection.channel(CHANNELS.error),
    closed: connection.closed,
    close: () => connection.close(),
  };
}
