import type { IncomingMessage } from 'node:http';
import { CLOSE } from '../../carrier/websocket/index.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { askAuthorize, isRefusal } from '../http/authorize.js';
import type { FollowableLog } from '../http/types.js';
import { InvalidCursorError, LogClosedError } from '../log/errors.js';
import { checkTargets, isPattern } from '../log/names.js';
import type { Admitted } from './admission.js';
import type { WebSocketClient } from './client.js';
import type { SubscribeMessage } from './messages.js';
import type { WebSocketSettings } from './options.js';
import { Subscription } from './subscription.js';

/** Makes the subscriptions of one socket. */
export class Subscriber {
  readonly #log: FollowableLog;
  readonly #settings: WebSocketSettings;
  readonly #req: IncomingMessage;
  readonly #admitted: Admitted;
  #client: WebSocketClient | undefined;

  constructor(log: FollowableLog, settings: WebSocketSettings, req: IncomingMessage, admitted: Admitted) {
    this.#log = log;
    this.#settings = settings;
    this.#req = req;
    this.#admitted = admitted;
  }

  /** The subscription that the request itself asks for, before it is upgraded. @throws what `follow` throws. */
  first(): Subscription | undefined {
    const { streams, cursor, credit, peer } = this.#admitted;
    if (streams.length === 0) return undefined;
    return this.#follow({ type: 'subscribe', id: undefined, streams, cursor, credit }, peer);
  }

  /** The client that the subscriptions are for; until then they only wait. */
  serve(client: WebSocketClient): void {
    this.#client = client;
  }

  /** Makes a subscription, or refuses it. */
  subscribe(client: WebSocketClient, message: SubscribeMessage): Promise<void> | void {
    const { id } = message;
    const problem = this.#problemOf(message, client);
    if (problem !== undefined) return client.refuse(id, problem.code, problem.message);
    const { authorize } = this.#settings;
    if (authorize === undefined) return this.#add(message, client, this.#admitted.peer);
    return this.#ask(message, client, async () => await askAuthorize(authorize, this.#req, message.streams));
  }

  async #ask(
    message: SubscribeMessage,
    client: WebSocketClient,
    ask: () => ReturnType<typeof askAuthorize>,
  ): Promise<void> {
    try {
      const verdict = await ask();
      if (client.over) return;
      if (isRefusal(verdict)) return client.refuse(message.id, 'ERR_FORBIDDEN', `refused with ${verdict.status}`);
      this.#add(message, client, ('peer' in verdict ? verdict.peer : undefined) ?? this.#admitted.peer);
    } catch (error) {
      this.#settings.logger.error({ err: error }, 'the authorize hook of a WebSocket failed');
      client.close(CLOSE.internalError, 'internal error', 'left');
    }
  }

  #problemOf(
    { id, streams }: SubscribeMessage,
    client: WebSocketClient,
  ): { readonly code: `ERR_${string}`; readonly message: string } | undefined {
    const { maxSubscriptions, stream, wildcards } = this.#settings;
    if (stream !== undefined) return { code: 'ERR_FORBIDDEN', message: 'the streams of this server are fixed' };
    if (client.subscriptions.has(id))
      return { code: 'ERR_DUPLICATE_ID', message: 'there is such a subscription already' };
    if (client.subscriptions.size >= maxSubscriptions) {
      return { code: 'ERR_LIMIT_EXCEEDED', message: `a socket has at most ${maxSubscriptions} subscriptions` };
    }
    if (!wildcards && streams.some(isPattern)) {
      return { code: 'ERR_INVALID_ARGUMENT', message: 'patterns are not allowed in streams' };
    }
    try {
      checkTargets(streams);
      return undefined;
    } catch (error) {
      if (error instanceof InvalidArgumentError) return error;
      throw error;
    }
  }

  #add(message: SubscribeMessage, client: WebSocketClient, peer: string | undefined): void {
    try {
      client.add(this.#follow(message, peer));
    } catch (error) {
      if (
        error instanceof InvalidCursorError ||
        error instanceof InvalidArgumentError ||
        error instanceof LimitExceededError
      ) {
        return client.refuse(message.id, error.code, error.message);
      }
      if (error instanceof LogClosedError) {
        return client.close(CLOSE.goingAway, 'the server is shutting down', 'closed');
      }
      this.#settings.logger.error({ err: error }, 'a WebSocket subscription failed');
      client.close(CLOSE.internalError, 'internal error', 'left');
    }
  }

  #follow({ id, streams, cursor, credit }: SubscribeMessage, peer: string | undefined): Subscription {
    const { start, whenOvertaken } = this.#settings;
    return new Subscription(this.#log, {
      id,
      streams,
      start: cursor === undefined ? start : { cursor },
      credit,
      whenOvertaken,
      peer,
      onReady: (subscription) => this.#client?.ready(subscription),
      onEnd: (reason) => this.#client?.ended(id, reason),
    });
  }
}
