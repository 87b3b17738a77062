import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import type { CloseReason } from '../../../src/httpstream/index.js';
import { deferred } from '../../../src/remotecommand/deferred.js';
import type { RemoteCommandProtocol, RemoteCommandStreams } from '../../../src/remotecommand/types.js';

/** A wire in memory: what the server's end of a session sees, with the client's end in the test's hands. */
export class FakeStreams implements RemoteCommandStreams {
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: PassThrough = new PassThrough();
  readonly stdout: PassThrough = new PassThrough();
  readonly stderr: PassThrough = new PassThrough();
  readonly resize: PassThrough = new PassThrough();
  readonly error: PassThrough = new PassThrough();
  readonly #closed = deferred<CloseReason>();
  readonly closed: Promise<CloseReason> = this.#closed.promise;
  closes = 0;

  constructor(protocol: RemoteCommandProtocol = 'v4.channel.k8s.io') {
    this.protocol = protocol;
    for (const stream of this.all) stream.on('error', () => {});
  }

  get all(): PassThrough[] {
    return [this.stdin, this.stdout, this.stderr, this.resize, this.error];
  }

  close(): Promise<void> {
    this.closes++;
    this.#closed.resolve({ kind: 'closed', initiator: 'local' });
    return Promise.resolve();
  }

  destroy(error?: Error): void {
    for (const stream of this.all) stream.destroy(error);
  }

  /** The client vanishes. */
  lose(reason: CloseReason = { kind: 'lost', initiator: 'remote' }): void {
    this.destroy(new Error('lost'));
    this.#closed.resolve(reason);
  }
}

export const REQUEST = {
  command: ['true'],
  container: 'c',
  stdin: true,
  stdout: true,
  stderr: true,
  tty: false,
} as const;

export const REQ: IncomingMessage = Object.create(null) as IncomingMessage;

/** All that a stream delivers until its end, as text. */
export async function textOf(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
