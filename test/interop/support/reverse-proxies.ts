import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram } from './debian.js';

/** A reverse proxy in front of a server on loopback. */
export interface ReverseProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** Settings of a reverse proxy. */
export interface ReverseProxyOptions {
  /** Port of the server behind it. */
  readonly backend: number;
  /** Seconds without a byte after which it drops a WebSocket. */
  readonly timeout: number;
  /** Certificate and key, PEM, to serve TLS with. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export const PROXIES: Readonly<Record<'nginx' | 'HAProxy', (options: ReverseProxyOptions) => Promise<ReverseProxy>>> = {
  nginx: startNginx,
  HAProxy: startHaproxy,
};

async function startNginx(options: ReverseProxyOptions): Promise<ReverseProxy> {
  ensureProgram('/usr/sbin/nginx', 'nginx');
  return await startProxy('/usr/sbin/nginx', options, (folder, port) => ({
    config: nginxConfig(folder, port, options),
    args: (file) => ['-p', folder, '-e', 'stderr', '-c', file],
  }));
}

async function startHaproxy(options: ReverseProxyOptions): Promise<ReverseProxy> {
  ensureProgram('/usr/sbin/haproxy', 'haproxy');
  return await startProxy('/usr/sbin/haproxy', options, (folder, port) => ({
    config: haproxyConfig(folder, port, options),
    args: (file) => ['-db', '-f', file],
  }));
}

/** As the documentation of nginx says for WebSockets, in one process in the foreground. */
function nginxConfig(folder: string, port: number, { backend, timeout, tls }: ReverseProxyOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 256; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port}${tls === undefined ? '' : ' ssl'};
    ${tls === undefined ? '' : `ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`}
    location / {
      proxy_pass http://127.0.0.1:${backend};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout ${timeout}s;
      proxy_send_timeout ${timeout}s;
    }
  }
}
`;
}

/** HAProxy needs no words about WebSockets, only its timeout for tunnels. */
function haproxyConfig(folder: string, port: number, { backend, timeout, tls }: ReverseProxyOptions): string {
  return `
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client ${timeout}s
  timeout server ${timeout}s
  timeout tunnel ${timeout}s
frontend front
  bind 127.0.0.1:${port}${tls === undefined ? '' : ` ssl crt ${folder}/both.pem`}
  default_backend back
backend back
  server node 127.0.0.1:${backend}
`;
}

/** How a proxy is started. */
export interface Launch {
  readonly config: string;
  readonly args: (file: string) => readonly string[];
}

/** Starts a proxy in a folder of its own, and waits until it listens. */
export async function startProxy(
  program: string,
  { tls }: Pick<ReverseProxyOptions, 'tls'>,
  launch: (folder: string, port: number) => Launch,
): Promise<ReverseProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-proxy-'));
  const port = await freePort();
  const { args, config } = launch(folder, port);
  const file = join(folder, 'proxy.cfg');
  await writeFile(file, config);
  if (tls !== undefined) {
    await writeFile(join(folder, 'cert.pem'), tls.cert);
    await writeFile(join(folder, 'key.pem'), tls.key);
    await writeFile(join(folder, 'both.pem'), `${tls.cert}\n${tls.key}`);
  }
  const child = spawn(program, args(file), { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(child, port);
  } catch (error) {
    await stop();
    throw new Error(`${program} did not start: ${words}`, { cause: error });
  }
  return { port, stop };
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until something listens on the port; rejects when the program ends first. */
export async function listening(child: ChildProcess, port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
    if (await connects(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nothing listens after 5 s');
}

async function connects(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
