import type { Socket } from 'node:net';

type WriteCallback = (error?: Error | null) => void;

/**
 * Makes a socket whose write fails deliver what had arrived, before it fails.
 *
 * A server that is done closes its socket whether or not it has read everything, and the kernel then answers our next
 * write with a reset. Node destroys a socket on a failed write, and with it the server's last words that wait to be read:
 * of an exec whose stdin nobody read, the result. So the failure is held back until the reading side has come to its own
 * end, which is near: the kernel reports it behind the last byte.
 */
export function readAfterWriteError(socket: Socket): void {
  const write = socket._write.bind(socket);
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, heldBack(socket, callback));
  const writev = socket._writev?.bind(socket);
  if (writev !== undefined) {
    socket._writev = (chunks, callback) => writev(chunks, heldBack(socket, callback));
  }
}

function heldBack(socket: Socket, callback: WriteCallback): WriteCallback {
  return (error) => {
    if (!error || socket.destroyed || socket.readableEnded) callback(error);
    else socket.once('end', () => callback(error));
    // A read error destroys the socket, which ends the pending write with it.
  };
}
