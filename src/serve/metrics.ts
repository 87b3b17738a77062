import { MissingPackageError } from '../errors/index.js';
import type { Mesh } from '../mesh/mesh.js';
import { promMeshMetrics } from '../mesh/metrics/prometheus.js';
import { promMetrics, type PromClient, type PromMetric, type PromRegistry } from '../push/metrics/prometheus.js';
import type { PublishQuery } from './publish-request.js';
import { packageVersion } from './version.js';

/** What a scrape is answered with. */
export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

interface Histogram {
  observe(labels: Record<string, string>, value: number): void;
  reset(): void;
}

interface Registry extends PromRegistry {
  readonly contentType: string;
  metrics(): Promise<string>;
}

/** Of the module `prom-client`: what is used here besides. */
interface PromModule extends PromClient {
  readonly Registry: new () => Registry;
  readonly Histogram: new (configuration: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: string[];
    readonly buckets: number[];
    readonly registers: never[];
  }) => Histogram;
  collectDefaultMetrics(configuration: { readonly register: never }): void;
}

/** From an acknowledgement within a rack to one that was waited for in vain. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Loaded {
  readonly registry: Registry;
  readonly published: PromMetric;
  readonly duration: Histogram;
}

/** The metrics of a pod: those of its log and its mesh, and what is published over HTTP. */
export class PodMetrics {
  readonly #mesh: Mesh;
  readonly #processMetrics: boolean;
  #loaded: Loaded | undefined;
  #failure: Error | undefined;
  #reading: Promise<string> | undefined;

  constructor(mesh: Mesh, processMetrics: boolean) {
    this.#mesh = mesh;
    this.#processMetrics = processMetrics;
  }

  /** Begins to count, where `prom-client` is installed. */
  async load(): Promise<void> {
    try {
      this.#loaded ??= this.#register(await importClient());
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
  }

  /** An event was published, or not, with this status. */
  published(status: number, { ack }: PublishQuery): void {
    const result = status === 200 ? 'acknowledged' : status === 504 ? 'unacknowledged' : 'refused';
    this.#loaded?.published.inc({ ack, result }, 1);
  }

  /** A request to publish took this many milliseconds. */
  took(milliseconds: number, { ack }: PublishQuery): void {
    this.#loaded?.duration.observe({ ack }, milliseconds / 1000);
  }

  /** @throws MissingPackageError without `prom-client`. */
  async scrape(): Promise<Scrape> {
    if (this.#loaded === undefined) throw this.#failure ?? new MissingPackageError('the metrics are not loaded yet');
    const { registry } = this.#loaded;
    // Anybody may ask, at any rate: one reading at a time is for all who ask meanwhile.
    this.#reading ??= registry.metrics().finally(() => (this.#reading = undefined));
    return { contentType: registry.contentType, text: await this.#reading };
  }

  #register(client: PromModule): Loaded {
    const registry = new client.Registry();
    promMetrics(this.#mesh.log, client, { registry });
    promMeshMetrics(this.#mesh, client, { registry });
    if (this.#processMetrics) client.collectDefaultMetrics({ register: registry as never });
    const common = { registers: [] as never[], collect: () => {} };
    const info = new client.Gauge({
      ...common,
      name: 'trunkline_serve_info',
      help: 'Version of the package and name of the pod; always 1.',
      labelNames: ['version', 'pod'],
    });
    info.inc({ version: packageVersion(), pod: this.#mesh.name }, 1);
    const published = new client.Counter({
      ...common,
      name: 'trunkline_serve_published_events_total',
      help: 'Events that were to be published over HTTP, by the acknowledgement asked for and what came of it.',
      labelNames: ['ack', 'result'],
    });
    const duration = new client.Histogram({
      registers: [],
      name: 'trunkline_serve_publish_duration_seconds',
      help: 'Time from a whole request to publish to its answer, acknowledgements included.',
      labelNames: ['ack'],
      buckets: BUCKETS,
    });
    for (const metric of [info, published, duration]) registry.registerMetric(metric);
    return { registry, published, duration };
  }
}

async function importClient(): Promise<PromModule> {
  try {
    const module = await import('prom-client');
    return module.default;
  } catch (cause) {
    throw new MissingPackageError(
      'metrics need the optional package prom-client; install it with: npm install prom-client@15',
      { cause },
    );
  }
}
