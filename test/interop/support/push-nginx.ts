import { ensureProgram } from './debian.js';
import { startProxy, type ReverseProxy } from './reverse-proxies.js';

const PROGRAM = '/usr/sbin/nginx';
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** nginx as a distribution configures it: it buffers, speaks HTTP/1.0 to what is behind it unless told, and compresses. */
export async function startBufferingNginx(backend: number, httpVersion: '1.0' | '1.1'): Promise<ReverseProxy> {
  ensureProgram(PROGRAM, 'nginx');
  const upstream = httpVersion === '1.0' ? '' : "proxy_http_version 1.1; proxy_set_header Connection '';";
  return await startProxy(PROGRAM, {}, (folder, port) => ({
    args: (file) => ['-p', folder, '-e', 'stderr', '-c', file],
    config: `
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
  }));
}
