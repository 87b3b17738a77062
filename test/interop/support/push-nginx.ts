import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureProgram } from './debian.js';
import { freePort, listening, type ReverseProxy } from './reverse-proxies.js';

const PROGRAM = '/usr/sbin/nginx';
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** nginx as a distribution configures it: it buffers, speaks HTTP/1.0 to what is behind it unless told, and compresses. */
export async function startBufferingNginx(backend: number, httpVersion: '1.0' | '1.1'): Promise<ReverseProxy> {
  ensureProgram(PROGRAM, 'nginx');
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-nginx-'));
  const port = await freePort();
  const upstream = httpVersion === '1.0' ? '' : "proxy_http_version 1.1; proxy_set_header Connection '';";
  await writeFile(
    join(folder, 'nginx.conf'),
    `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 256; }
http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  gzip on;
  gzip_types text/event-stream;
  gzip_proxied any;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${backend}; ${upstream} }
  }
}
`,
  );
  const child = spawn(PROGRAM, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
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
    throw new Error(`nginx did not start: ${words}`, { cause: error });
  }
  return { port, stop };
}
