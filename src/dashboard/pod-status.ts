/** What a pod says of a link to another one. */
export interface LinkReport {
  readonly name: string;
  readonly origin: string;
  readonly roundTrip: number | undefined;
  readonly sent: number;
  readonly received: number;
  readonly behind: number;
}

/** What a pod says of itself, as far as it is shown. */
export interface StatusReport {
  readonly origin: string;
  readonly state: string;
  readonly clients: number;
  readonly links: readonly LinkReport[];
  readonly published: number;
  readonly received: number;
  readonly delivered: number;
  readonly events: number;
  readonly streams: readonly { readonly name: string; readonly clients: number }[];
}

/** What of a pod's lists is looked at. */
const MOST = 1_000;
const LONGEST_NAME = 256;

/**
 * Reads the answer of `GET /status`. Whatever program runs in the pod may have made it up: numbers that are none count as 0,
 * and what is no status at all gives `undefined`.
 */
export function readStatus(value: unknown): StatusReport | undefined {
  const status = record(value);
  const origin = text(status['origin']);
  if (origin === '' || !Array.isArray(status['links'])) return undefined;
  const log = record(status['log']);
  return {
    origin,
    state: text(status['state']),
    clients: count(status['clients']),
    links: list(status['links']).map(readLink),
    published: count(log['published']),
    received: count(log['appended']),
    delivered: sum(record(log['deliveredItems'])),
    events: count(record(log['history'])['events']),
    streams: list(status['streams']).map((stream) => ({
      name: text(stream['name']),
      clients: count(stream['clients']),
    })),
  };
}

function readLink(link: Readonly<Record<string, unknown>>): LinkReport {
  const { roundTrip } = link;
  return {
    name: text(link['name']),
    origin: text(link['origin']),
    roundTrip: typeof roundTrip === 'number' && roundTrip >= 0 && Number.isFinite(roundTrip) ? roundTrip : undefined,
    sent: count(link['sent']),
    received: count(link['received']),
    behind: count(link['behind']),
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.slice(0, MOST).map(record) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, LONGEST_NAME) : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : 0;
}

function sum(values: Readonly<Record<string, unknown>>): number {
  return Object.values(values).reduce<number>((total, value) => total + count(value), 0);
}
