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

/** Makes the subscriptions of a handler's sockets. */
export class Subscriber {
  readonly #log: FollowableLog;
  readonly #settings: WebSocketSettings;

  constructor(log: FollowableLog, settings: WebSocketSettings) {
    this.#log = log;
    this.#settings = settings;
  }

  /** The subscription that a request itself asks for, before there is a client. @throws what `follow` throws. */
  first({ streams, cursor, credit, peer }: Admitted): Subscription | undefined {
    if (streams.length === 0) return undefined;
    return this.#follow({ type: 'subscribe', id: undefined, streams, cursor, credit }, peer);
  }

  /** Makes a subscription and gives it to the client, or tells it why not. */
  subscribe(client: WebSocketClient, message: SubscribeMessage): Promise<void> | void {
    const { id } = message;
    const problem = this.#problemOf(message, client);
    if (problem !== undefined) return client.refuse(id, problem.code, problem.message);
    const { authorize } = this.#settings;
    const { req } = client;
    if (authorize === undefined || req === undefined) return this.#add(message, client, client.peer);
    return this.#ask(message, client, async () => await askAuthorize(authorize, req, message.streams));
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
      this.#add(message, client, ('peer' in verdict ? verdict.peer : undefined) ?? client.peer);
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
    if (client.subscriptions.has(id)) {
      const which = id === undefined ? 'a subscription without an id' : 'a subscription with this id';
      return { code: 'ERR_DUPLICATE_ID', message: `there is ${which} already: give each an id of its own` };
    }
    if (client.subscriptions.size >= maxSubscriptions) {
      return { code: 'ERR_LIMIT_EXCEEDED', message: `a socket has at most ${maxSubscriptions} subscriptions` };
    }
    if (!wildcards && streams.some(isPattern)) {
      return { code: 'ERR_INVALID_ARGUMENT', message: 'patterns are not allowed in streams (wildcards)' };
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
    });
  }
}
