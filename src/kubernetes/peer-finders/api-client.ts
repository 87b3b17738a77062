import type { IncomingMessage } from 'node:http';
import { sendGet } from '../../carrier/http-get.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { parseStatus, StreamHeaders, type Dialer, type ProxyOption } from '../../httpstream/index.js';
import { unlessAborted } from '../../mesh/discovery/pause.js';
import { KubernetesAPIError } from '../api-error.js';
import { credentialsOf, proxyOf } from '../credentials.js';
import { loadKubeConfig, type KubeConfigLike } from '../kube-config.js';
import { readAtMost } from './read-body.js';

/** Bytes of an error's body that are looked at. */
const ERROR_BYTES = 64 * 1024;

/** Which API server is meant, and how to get there. */
export interface APIClientOptions {
  readonly config?: KubeConfigLike | undefined;
  readonly namespace?: string | undefined;
  readonly dialer?: Dialer | undefined;
  readonly proxy?: ProxyOption | undefined;
}

/** Reads from the API server of a configuration's current context. Each request has fresh credentials and its own connection. */
export class APIClient {
  readonly #options: APIClientOptions;
  #loaded: Promise<KubeConfigLike> | undefined;

  constructor(options: APIClientOptions) {
    this.#options = options;
  }

  /** The namespace that is meant: the given one, else that of the current context, else `default`. */
  async namespace(): Promise<string> {
    if (this.#options.namespace !== undefined) return this.#options.namespace;
    const config = await this.#config();
    return config.getContextObject(config.getCurrentContext())?.namespace || 'default';
  }

  /**
   * Sends a GET; resolves with the answer when it is one of success.
   *
   * @throws KubernetesAPIError for any other; InvalidArgumentError for a configuration without a current cluster; what
   * its credentials throw; what `sendGet` throws.
   */
  async get(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
    const config = await unlessAborted(this.#config(), signal);
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new InvalidArgumentError('the kubeconfig has no current cluster');
    const { dialer } = this.#options;
    const proxy = proxyOf(cluster, { ...(dialer === undefined ? {} : { dialer }), proxy: this.#options.proxy });
    const url = new URL(cluster.server);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
    url.search = new URLSearchParams(query).toString();
    // A plugin for credentials is another program, which may hang.
    const { headers, tls, proxyTls } = await unlessAborted(credentialsOf(config, cluster, undefined), signal);
    const fields = new StreamHeaders([
      ['Accept', 'application/json'],
      ['User-Agent', 'trunkline'],
      ...new StreamHeaders(headers),
    ]);
    const response = await sendGet({ url, headers: fields, tls, dialer, proxy, proxyTls, signal });
    if (response.statusCode === 200) return response;
    throw await failureOf(response, url);
  }

  async #config(): Promise<KubeConfigLike> {
    if (this.#options.config !== undefined) return this.#options.config;
    this.#loaded ??= loadKubeConfig();
    try {
      return await this.#loaded;
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }
}

async function failureOf(response: IncomingMessage, url: URL): Promise<KubernetesAPIError> {
  const { statusCode = 0, headers } = response;
  const body = await readAtMost(response, ERROR_BYTES).catch(() => Buffer.alloc(0));
  const status = parseStatus(body);
  const seconds = Number(headers['retry-after'] ?? status?.details?.retryAfterSeconds);
  return new KubernetesAPIError(
    `${url.host}${url.pathname} answered ${statusCode}${status?.message === undefined ? '' : `: ${status.message}`}`,
    { statusCode, status, retryAfter: seconds > 0 ? seconds * 1000 : undefined },
  );
}
