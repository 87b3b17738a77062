import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** One connection that a client wants forwarded. */
export interface PortForwardDial {
  /** Port in the pod, from 1 to 65,535. */
  readonly port: number;
  /** The request that was upgraded; it says which pod is meant. */
  readonly request: IncomingMessage;
  /** Aborts when the client gave the connection up, or after `dialTimeout`. */
  readonly signal: AbortSignal;
}

/**
 * Connects to a port, `({ port }) => net.connect(port, '10.0.0.7')` for example. A socket that still connects will do:
 * it is waited for. What is returned is taken over: its errors are listened to, half-closes are passed on both ways, and
 * it is destroyed when the client is gone. The message of an error may be shown to the client.
 */
export type DialPort = (dial: PortForwardDial) => Duplex | Promise<Duplex>;

/** What {@link portForwardHandler} returns: give it what `server.on('upgrade')` gave. Never throws. */
export type PortForwardHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
