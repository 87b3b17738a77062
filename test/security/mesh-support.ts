import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

// Made once with openssl, valid for a hundred years: a certificate that a CA has signed which nobody here trusts.

export const INTRUDER_CERT: string = `-----BEGIN CERTIFICATE-----
MIIBrzCCAVSgAwIBAgIUX9VAcaGj+tDl7qL5s9Qft6iwioswCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPQW5vdGhlciB0ZXN0IENBMCAXDTI2MTEyMTE5MjQwMFoYDzIx
MjYxMDI4MTkyNDAwWjATMREwDwYDVQQDDAhpbnRydWRlcjBZMBMGByqGSM49AgEG
CCqGSM49AwEHA0IABLMNnNNKWRDDCQSFFdaGoTBLOLT+POwguEBJESIE+PyXBNXK
GV50Cdl3C0qcSXvx5PZXw6hC9cIeF0vMRD7meSyjfTB7MB0GA1UdJQQWMBQGCCsG
AQUFBwMCBggrBgEFBQcDATAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwHQYD
VR0OBBYEFNTPo7HZ1M81vlxi4EibU+c6OWvaMB8GA1UdIwQYMBaAFBaVDjM466Cy
owbOzPzj6G9Vrtd+MAoGCCqGSM49BAMCA0kAMEYCIQC7PEGQoQfssKfmaQ1gFvEl
dB5HP4W4FPzQS63t9W9VfgIhAMSvKujeS0AuvTBFhMZD6VnvO3lqBh9p2Voy02wv
xVeI
-----END CERTIFICATE-----
`;

export const INTRUDER_KEY: string = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIHyP4CJfqdNLI1U337goh9Eh4k98/1ualrsXG4lrMwYqoAoGCCqGSM49
AwEHoUQDQgAEsw2c00pZEMMJBIUV1oahMEs4tP487CC4QEkRIgT4/JcE1coZXnQJ
2XcLSpxJe/Hk9lfDqEL1wh4XS8xEPuZ5LA==
-----END EC PRIVATE KEY-----
`;

/** The head of a request for a link. */
export function linkRequest(headers: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries({ Host: 'pod', Connection: 'Upgrade', Upgrade: 'yamux-headers/1', ...headers });
  return `GET /mesh/v1/link HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A connection to the internal port of a pod, and what came on it. */
export class Raw {
  readonly socket: Socket;
  text = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.text += text));
  }

  /** The status of the answer, once its head is there; 0 when the connection ends before. */
  async status(): Promise<number> {
    while (!this.text.includes('\r\n\r\n')) {
      if (this.socket.destroyed || this.socket.readableEnded) return 0;
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]).catch(() => {});
    }
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0);
  }

  header(name: string): string {
    return new RegExp(`^${name}: (\\S+)`, 'im').exec(this.text)?.[1] ?? '';
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }
}
