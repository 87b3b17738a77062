import type { Duplex } from 'node:stream';

/** What a parser makes of the bytes so far: `undefined` asks for more. */
export type Parser<T> = (bytes: Buffer) => { readonly value: T; readonly length: number } | undefined;

const INITIAL_BYTES = 512;

/**
 * Reads one answer from a socket that is not flowing, and leaves what follows it there for the next reader.
 *
 * Rejects with what the parser throws, or when the socket fails or ends before the answer is complete.
 */
export function readAnswer<T>(socket: Duplex, parse: Parser<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let memory = Buffer.allocUnsafe(INITIAL_BYTES);
    let length = 0;
    const stop = (): void => {
      socket.off('readable', onReadable).off('end', onClosed).off('close', onClosed).off('error', fail);
    };
    const fail = (error: unknown): void => {
      stop();
      reject(error as Error);
    };
    const onClosed = (): void => fail(new Error('the connection was closed'));
    const add = (chunk: Buffer): Buffer => {
      if (length + chunk.length > memory.length) {
        const larger = Buffer.allocUnsafe(Math.max(memory.length * 2, length + chunk.length));
        memory.copy(larger, 0, 0, length);
        memory = larger;
      }
      memory.set(chunk, length);
      length += chunk.length;
      return memory.subarray(0, length);
    };
    const onReadable = (): void => {
      try {
        for (let chunk = read(socket); chunk !== undefined; chunk = read(socket)) {
          const bytes = add(chunk);
          const answer = parse(bytes);
          if (answer === undefined) continue;
          stop();
          // In this very tick: once a stream has told its end, nothing can be put back.
          if (answer.length < length) socket.unshift(bytes.subarray(answer.length));
          return resolve(answer.value);
        }
      } catch (error) {
        fail(error);
      }
    };
    if (socket.destroyed || socket.readableEnded) return onClosed();
    socket.on('readable', onReadable).on('end', onClosed).on('close', onClosed).on('error', fail);
    // What the reader before left is there already.
    if (socket.readableLength > 0) onReadable();
  });
}

function read(socket: Duplex): Buffer | undefined {
  return (socket.read() as Buffer | null) ?? undefined;
}
