import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { WebSocket, type ClientOptions } from 'ws';
import { EventLog } from '../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../src/push/log/settings.js';
import {
  PUSH_PROTOCOL,
  webSocketHandler,
  type ServerMessage,
  type WebSocketHandler,
  type WebSocketHandlerOptions,
} from '../../src/push/websocket/index.js';
import { Inbox } from './inbox.js';

/** A log behind a WebSocket handler. */
export interface PushServer extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: WebSocketHandler;
  /** `host:port`. */
  readonly host: string;
  readonly port: number;
}

export async function servePush(
  options: WebSocketHandlerOptions = {},
  logOptions: EventLogOptions = {},
  server: Server = createServer(),
): Promise<PushServer> {
  const log = new EventLog(logOptions);
  const handler = webSocketHandler(log, options);
  server.on('upgrade', handler).listen(0, '127.0.0.1');
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    log,
    handler,
    host: `127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      log.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A message of any type, with all members that one may have. */
export type Message = { readonly type: ServerMessage['type'] } & Partial<{
  readonly id: string;
  readonly streams: readonly string[];
  readonly stream: string;
  readonly event: string;
  readonly data: string;
  readonly cursor: string;
  readonly live: true;
  readonly reason: string;
  readonly missing: readonly { readonly origin: string; readonly after: number; readonly through?: number }[];
  readonly code: string;
  readonly message: string;
}>;

/** A client made with `ws`. */
export class PushClient implements Disposable {
  readonly socket: WebSocket;
  readonly messages: Inbox<Message> = new Inbox();
  /** Code and reason; or the HTTP status that the server refused with, and its text. */
  readonly closed: Promise<readonly [number, string]>;

  constructor(host: string, query = '', protocols: string[] = [PUSH_PROTOCOL], options: ClientOptions = {}) {
    const scheme = options.ca === undefined ? 'ws' : 'wss';
    this.socket = new WebSocket(`${scheme}://${host}/${query}`, protocols, options);
    this.socket.on('message', (data) => this.messages.put(JSON.parse(String(data)) as Message));
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve([code, reason.toString()]));
      this.socket.on('unexpected-response', (_, response: IncomingMessage) => {
        response.setEncoding('utf8').on('data', (text: string) => resolve([response.statusCode ?? 0, text]));
      });
      this.socket.on('error', () => {});
    });
    void this.closed.then(([code, reason]) => this.messages.fail(new Error(`closed with ${code}: ${reason}`)));
  }

  async opened(): Promise<this> {
    if (this.socket.readyState !== WebSocket.OPEN) await once(this.socket, 'open');
    return this;
  }

  say(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The next event, past everything else. */
  async event(): Promise<Message> {
    return await this.messages.find(({ type }) => type === 'event');
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}

/** The data of the events so far, of one subscription. */
export function dataOf(messages: readonly Message[], id?: string): (string | undefined)[] {
  return messages.filter((one) => one.type === 'event' && one.id === id).map(({ data }) => data);
}

/** One short frame as clients send it, with a mask of zeros. */
export function clientFrame(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new RangeError('for short frames only');
  return Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0), payload]);
}

/** A bare TCP connection that asks for a WebSocket, with bytes right behind the request. Nothing is read. */
export function rawPush(port: number, path = '/?stream=a', behind: Buffer = Buffer.alloc(0), fields = ''): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const head =
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), behind]));
  return socket;
}
