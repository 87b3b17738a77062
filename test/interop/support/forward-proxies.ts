import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram } from './debian.js';
import { freePort, listening } from './reverse-proxies.js';

/** A proxy of Debian's, on loopback. */
export interface ForwardProxy {
  readonly port: number;
  /** What it wrote, to its end. */
  stop(): Promise<string>;
}

export interface ForwardProxyOptions {
  /** Asks for these credentials. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** The only port that a tunnel may lead to (tinyproxy). */
  readonly onlyPort?: number;
}

/** An HTTP proxy. */
export function startTinyproxy({ credentials, onlyPort }: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  ensureProgram('/usr/bin/tinyproxy', 'tinyproxy');
  return start('/usr/bin/tinyproxy', (port, file) => ({
    args: ['-d', '-c', file],
    config: [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'Timeout 60',
      'MaxClients 100',
      'LogLevel Connect',
      ...(credentials === undefined ? [] : [`BasicAuth ${credentials.user} ${credentials.password}`]),
      ...(onlyPort === undefined ? [] : [`ConnectPort ${onlyPort}`]),
      '',
    ].join('\n'),
  }));
}

/** A SOCKS5 proxy. */
export function startMicrosocks({ credentials }: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  ensureProgram('/usr/bin/microsocks', 'microsocks');
  const login = credentials === undefined ? [] : ['-u', credentials.user, '-P', credentials.password];
  return start('/usr/bin/microsocks', (port) => ({
    args: ['-i', '127.0.0.1', '-p', String(port), ...login],
    config: '',
  }));
}

/** A SOCKS5 proxy that asks nobody for credentials, and passes on both directions at once, which microsocks does not. */
export function startDante(): Promise<ForwardProxy> {
  ensureProgram('/usr/sbin/danted', 'dante-server');
  return start('/usr/sbin/danted', (port, file) => ({
    args: ['-f', file],
    config: `
logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: lo
clientmethod: none
socksmethod: none
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 protocol: tcp }
`,
  }));
}

/** TLS in front of a port: makes an https proxy of an http one, and an https server of an http one. */
export function startTlsFront(backend: number, certificate: string): Promise<ForwardProxy> {
  ensureProgram('/usr/sbin/haproxy', 'haproxy');
  return start('/usr/sbin/haproxy', (port, file, folder) => ({
    args: ['-db', '-f', file],
    certificate,
    config: `
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen front
  bind 127.0.0.1:${port} ssl crt ${folder}/certificate.pem
  server back 127.0.0.1:${backend}
`,
  }));
}

interface Launch {
  readonly args: readonly string[];
  readonly config: string;
  /** Certificate and key, PEM. */
  readonly certificate?: string;
}

async function start(
  program: string,
  launch: (port: number, file: string, folder: string) => Launch,
): Promise<ForwardProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-forward-'));
  const file = join(folder, 'proxy.cfg');
  const port = await freePort();
  const { args, certificate, config } = launch(port, file, folder);
  await writeFile(file, config);
  if (certificate !== undefined) await writeFile(join(folder, 'certificate.pem'), certificate);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => (words += text));
  }
  const stop = async (): Promise<string> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'close');
      // Not SIGKILL, which would leave the processes that some of them start.
      child.kill('SIGTERM');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
    return words;
  };
  try {
    await listening(child, port);
  } catch (error) {
    await stop();
    throw new Error(`${program} did not start: ${words}`, { cause: error });
  }
  return { port, stop };
}
