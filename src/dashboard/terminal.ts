import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { allowAnyAddress, UpgradeAwareProxy } from '../proxy/index.js';
import type { DashboardSettings } from './options.js';

const PATH = /^\/exec\/([^/?#]+)(\?[^#]*)?$/;
const DEFAULT_COMMAND = ['sh'];

/** Passes the page's WebSocket at `/exec/NAME?command=…` to the API server, as exec with a terminal in that pod. */
export class Terminals {
  readonly #proxy: UpgradeAwareProxy;

  constructor(settings: DashboardSettings, signal: AbortSignal) {
    this.#proxy = new UpgradeAwareProxy({
      target: (req) => execUrl(req.url ?? '', settings),
      // The API server's address is the cluster's own, and nothing that was asked for goes into it.
      checkAddress: allowAnyAddress,
      useLocationHost: true,
      requireOrigin: true,
      allowedHosts: [...settings.allowedHosts],
      upgradeTokens: ['websocket'],
      // The API server knows the pages of its own origin; that this one is of the dashboard's was checked.
      removeHeaders: ['origin', 'cookie', 'authorization'],
      clock: settings.clock,
      signal,
      onError: (error) => settings.onError(error),
    });
  }

  /** Whether a request is about a terminal. */
  static accepts(url: string): boolean {
    return PATH.test(url);
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#proxy.handleUpgrade(req, socket, head);
  }
}

/** Where a terminal's request goes; `undefined` without such a pod. */
export function execUrl(url: string, { cluster }: Pick<DashboardSettings, 'cluster'>): string | undefined {
  const [, name = '', search = ''] = PATH.exec(url) ?? [];
  const { namespace } = cluster;
  if (cluster.pods.get(namespace, name) === undefined) return undefined;
  const asked = new URLSearchParams(search).getAll('command');
  const query = new URLSearchParams({ stdin: 'true', stdout: 'true', tty: 'true' });
  for (const word of asked.length === 0 ? DEFAULT_COMMAND : asked) query.append('command', word);
  return `${cluster.apiServer}/api/v1/namespaces/${namespace}/pods/${name}/exec?${query}`;
}
