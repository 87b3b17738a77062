import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { ProtocolError, TimeoutError } from '../../errors/index.js';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { UpgradeFailureError, type UpgradeResponse } from '../../httpstream/index.js';
import { YamuxRoundTripper } from '../../yamux/index.js';
import type { LinkTransport } from '../link/transport.js';
import type { Address, Dial, DialFailure } from '../node/dialer.js';
import { CHALLENGE_HEADER, LANE_HEADER, LINK_PATH, NONCE_HEADER, PROOF_HEADER } from './protocol.js';
import { newNonce, type LinkSecret } from './secret.js';
import { StreamTransport } from './stream-transport.js';

/** How other pods are dialled. */
export interface LinkDialOptions {
  readonly clock: Clock;
  readonly secret: LinkSecret | undefined;
  /** With it links go over TLS: give a certificate for mutual TLS. */
  readonly tls: TlsConnectionOptions | undefined;
  /** Milliseconds for the whole attempt. */
  readonly timeout: number;
}

/** Dials links over HTTP. */
export function linkDialer(options: LinkDialOptions): Dial {
  const roundTripper = new YamuxRoundTripper({ headers: true, clock: options.clock });
  return (address, outcome) => {
    const controller = new AbortController();
    // A pod that upgrades, and then takes no lane, must not hold this one up either.
    const deadline = new Alarm(options.clock, () => {
      controller.abort(new TimeoutError(`${address.host}:${address.port} does not link`, options.timeout));
    });
    deadline.set(options.clock.now() + options.timeout);
    void open(roundTripper, address, options, controller.signal)
      .finally(() => deadline.cancel())
      .then(
        (transport) => outcome.opened(transport),
        (error: unknown) => outcome.failed(error instanceof Error ? error : new Error(String(error)), whyOf(error)),
      );
    return { cancel: () => controller.abort() };
  };
}

async function open(
  roundTripper: YamuxRoundTripper,
  address: Address,
  options: LinkDialOptions,
  signal: AbortSignal,
): Promise<LinkTransport> {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const url = `${options.tls === undefined ? 'http' : 'https'}://${host}:${address.port}${LINK_PATH}`;
  const nonce = newNonce();
  const ask = async (headers: Record<string, string>): Promise<UpgradeResponse> =>
    await roundTripper.roundTrip({
      url,
      headers,
      signal,
      timeout: options.timeout,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    });
  const { secret } = options;
  let response = await ask({});
  let challenge = '';
  if (secret !== undefined) {
    // Who asks for no proof does not know the secret either.
    challenge = headerOf(response, CHALLENGE_HEADER);
    if (response.statusCode !== 401 || challenge === '') {
      response.socket?.destroy();
      throw unproved(response, url);
    }
    const proof = secret.proof('dialler', challenge, nonce);
    response = await ask({ [CHALLENGE_HEADER]: challenge, [NONCE_HEADER]: nonce, [PROOF_HEADER]: proof });
  }
  const proven =
    secret === undefined ||
    response.statusCode !== 101 ||
    secret.verify('acceptor', challenge, nonce, headerOf(response, PROOF_HEADER));
  if (!proven) {
    response.socket?.destroy();
    throw new OtherSecretError(`${url} does not know the secret of the mesh`);
  }
  const connection = roundTripper.newConnection(response);
  try {
    const [control, log, fetch] = await Promise.all([
      connection.createStream({ [LANE_HEADER]: 'control' }, { signal }),
      connection.createStream({ [LANE_HEADER]: 'log' }, { signal }),
      connection.createStream({ [LANE_HEADER]: 'fetch' }, { signal }),
    ]);
    return new StreamTransport(connection, { control, log, fetch }, true, `${address.host}:${address.port}`);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A server that knows nothing of links says so. One of ours asks for a proof at the most; 5xx are of proxies. */
function whyOf(error: unknown): DialFailure {
  if (error instanceof OtherSecretError) return 'refused';
  const status = error instanceof UpgradeFailureError ? (error.statusCode ?? 0) : 0;
  if (status === 401) return 'refused';
  return status >= 200 && status < 500 && status !== 403 ? 'foreign' : 'failed';
}

/** The other pod knows another secret, or none. */
class OtherSecretError extends ProtocolError {
  constructor(message: string) {
    super(message, { initiator: 'remote' });
  }
}

function unproved(response: UpgradeResponse, url: string): Error {
  if (response.statusCode === 101 || response.statusCode === 401) {
    return new OtherSecretError(`${url} asks for no proof of the secret of the mesh`);
  }
  return new UpgradeFailureError(`${url} answered ${response.statusCode}`, { statusCode: response.statusCode });
}

function headerOf({ headers }: UpgradeResponse, name: string): string {
  const value = headers[name.toLowerCase()];
  return typeof value === 'string' ? value : '';
}
