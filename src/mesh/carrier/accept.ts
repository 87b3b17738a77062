import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { refuseUpgrade, type Connection, type IncomingStream, type Stream } from '../../httpstream/index.js';
import { YamuxResponseUpgrader } from '../../yamux/index.js';
import type { LinkTransport } from '../link/transport.js';
import type { Lane } from '../protocol/messages.js';
import { CHALLENGE_HEADER, LANE_HEADER, LINK_PATH, NONCE_HEADER, PROOF_HEADER } from './protocol.js';
import { Challenges, type LinkSecret } from './secret.js';
import { LANES, StreamTransport } from './stream-transport.js';

/** Upgraded connections whose lanes are still to be opened; more are refused until some have timed out. */
const MAX_OPENING = 256;

/** How links are accepted. */
export interface AcceptorOptions {
  readonly clock: Clock;
  /** What diallers must prove to know; `undefined`: whoever reaches the port is trusted. */
  readonly secret: LinkSecret | undefined;
  /** Milliseconds from the upgrade until all lanes are open. */
  readonly laneTimeout: number;
  readonly opened: (transport: LinkTransport) => void;
  readonly refused?: (address: string, reason: string) => void;
}

/** Upgrades requests of other pods to links. Nothing of a request but its head is read before the secret was proved. */
export class LinkAcceptor {
  readonly #options: AcceptorOptions;
  readonly #challenges: Challenges;
  readonly #upgrader: YamuxResponseUpgrader;
  readonly #connections = new Set<Connection>();
  readonly #opening = new Set<Connection>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#challenges = new Challenges(options.clock);
    this.#upgrader = new YamuxResponseUpgrader({ headers: true, clock: options.clock });
  }

  /** Whether the request asks for a link. */
  wants(req: IncomingMessage): boolean {
    return (req.url ?? '').split('?', 1)[0] === LINK_PATH;
  }

  /** Takes an upgrade request over. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = req.socket.remoteAddress ?? 'unknown';
    const { secret } = this.#options;
    if (this.#opening.size >= MAX_OPENING) {
      this.#options.refused?.(address, 'too many links are being opened');
      return refuseUpgrade(socket, 503, 'too many links are being opened');
    }
    const nonce = headerOf(req, NONCE_HEADER);
    const challenge = headerOf(req, CHALLENGE_HEADER);
    const proved = this.#proved(challenge, nonce, headerOf(req, PROOF_HEADER));
    if (secret !== undefined && proved === undefined) {
      if (challenge !== '') this.#options.refused?.(address, 'the secret was not proved');
      refuseUpgrade(socket, 401, 'prove the secret of the mesh', {
        headers: { [CHALLENGE_HEADER]: this.#challenges.issue() },
      });
      return;
    }
    const headers = proved === undefined ? {} : { [PROOF_HEADER]: proved.proof('acceptor', challenge, nonce) };
    const lanes = new Map<Lane, Stream>();
    const handler = (stream: IncomingStream): void => {
      const lane = LANES.find((each) => each === stream.headers.get(LANE_HEADER));
      if (lane === undefined || lanes.has(lane)) return stream.refuse('refused', 'no such lane');
      lanes.set(lane, stream);
      // The first bytes may have come with the request, before there is a connection to speak of.
      if (lanes.size === LANES.length) queueMicrotask(() => this.#open(lanes, address, deadline, connection));
    };
    const connection = this.#upgrader.upgradeResponse(req, socket, head, handler, headers);
    const deadline = new Alarm(this.#options.clock, () => void connection?.close());
    if (connection === undefined) return;
    this.#connections.add(connection);
    this.#opening.add(connection);
    void connection.closed.then(() => {
      deadline.cancel();
      this.#connections.delete(connection);
      this.#opening.delete(connection);
    });
    deadline.set(this.#options.clock.now() + this.#options.laneTimeout);
  }

  /** Ends what has not become a link yet, and all links. */
  async close(): Promise<void> {
    await Promise.all([...this.#connections].map(async (connection) => await connection.close()));
  }

  #proved(challenge: string, nonce: string, proof: string): LinkSecret | undefined {
    if (challenge === '' || nonce === '' || proof === '' || !this.#challenges.take(challenge)) return undefined;
    return this.#options.secret?.proved('dialler', challenge, nonce, proof);
  }

  #open(lanes: ReadonlyMap<Lane, Stream>, address: string, deadline: Alarm, connection: Connection | undefined): void {
    const control = lanes.get('control');
    const log = lanes.get('log');
    const fetch = lanes.get('fetch');
    if (control === undefined || log === undefined || fetch === undefined || connection === undefined) return;
    deadline.cancel();
    this.#opening.delete(connection);
    this.#options.opened(new StreamTransport(connection, { control, log, fetch }, false, address));
  }
}

function headerOf(req: IncomingMessage, name: string): string {
  const value = req.headers[name.toLowerCase()];
  return typeof value === 'string' ? value : '';
}
