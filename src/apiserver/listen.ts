import type { AddressInfo, Server } from 'node:net';

/** Listens; rejects with the operating system's error, and when the server is closed before it listens. */
export function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the server was closed before it listened'));
    server.once('error', reject);
    server.once('close', closed);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      server.off('close', closed);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no address'));
      else resolve(address);
    });
  });
}

/** Whether a server that listens on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
