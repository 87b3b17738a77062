import { InvalidArgumentError } from '../../errors/index.js';
import { failureStatus } from '../../httpstream/index.js';
import { jsonLine, lineFramer, type Line } from '../lines/line.js';
import type { Framer, Gap, GapReason, LogEvent } from '../log/types.js';

/** Annotation of the bookmark behind the initial events (`metav1.InitialEventsAnnotationKey`). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** What an event does to its object. */
export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED';

const WATCH_TYPES: ReadonlySet<string> = new Set<WatchType>(['ADDED', 'MODIFIED', 'DELETED']);

/** What a watch reads of an object; there may be more. `resourceVersion` is filled in. */
export interface WatchObject {
  /** Default: that of the handler. */
  readonly apiVersion?: string;
  /** Default: that of the handler. */
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}

/** How events become objects. */
export interface WatchFormat {
  readonly apiVersion: string;
  readonly kind: string;
  readonly toObject: (event: LogEvent) => WatchObject;
  readonly watchType: (event: LogEvent) => WatchType;
  /** Is told of an event on which `toObject` or `watchType` failed. */
  readonly onFailure: (event: LogEvent, error: unknown) => void;
}

/** An item as a line of JSON, `{"type","object"}`. Errors are special. */
export interface WatchLine extends Line {
  readonly type: WatchType | 'ERROR';
  /** Where in the line the object begins; it ends two bytes before the line does. */
  readonly objectAt: number;
  /** Namespace and name of the object. */
  readonly name: string;
  /** Why events are missing, when it tells of that. */
  readonly gap: GapReason | undefined;
}

/** Numbers of live events, which have none of their own to be told apart by. */
const LIVE_NUMBERS = new WeakMap<LogEvent, number>();
let liveNumber = 0;

/** The event as an object of its own, named by origin and number. Its `data` stays text. */
export function eventObject(event: LogEvent): WatchObject {
  const { origin, n, stream, type, data, key, live } = event;
  const name = live === true ? `${origin}-live-${liveNumberOf(event)}` : `${origin}-${n}`;
  const fields = { stream, type, data, ...(key === undefined ? {} : { key }), ...(live === undefined ? {} : { live }) };
  return { metadata: { name }, ...fields };
}

/** Lines with the cursor as `metadata.resourceVersion`. */
export function watchFramer(format: WatchFormat): Framer<readonly WatchLine[]> {
  return lineFramer<WatchLine>({
    event(event, cursor) {
      try {
        const { apiVersion = format.apiVersion, kind = format.kind, metadata = {}, ...rest } = format.toObject(event);
        const type = format.watchType(event);
        if (!WATCH_TYPES.has(type)) throw new InvalidArgumentError(`watchType gave ${String(type)}`);
        const object = { apiVersion, kind, metadata: { ...metadata, resourceVersion: cursor }, ...rest };
        return line(type, object, `${metadata.namespace ?? ''}/${metadata.name ?? ''}`);
      } catch (error) {
        format.onFailure(event, error);
        return line('ERROR', failureStatus(500, 'an event could not be made an object'));
      }
    },
    gap: (gap, cursor) => ({ ...line('ERROR', expiredStatus(gap, cursor)), gap: gap.reason }),
  });
}

/**
 * What Kubernetes says of a resource version that is too old. Its `metadata.resourceVersion` is where the log goes on, for
 * clients that have no use for a list.
 */
export function expiredStatus({ reason, streams, missing }: Gap, cursor: string): object {
  const message = `too old resource version: events of ${streams.join(', ')} are missing (${reason})`;
  const causes = missing.map(({ origin, after, through }) => ({
    reason,
    message: `n > ${after}${through === undefined ? '' : ` and n <= ${through}`} of ${origin}`,
    field: 'resourceVersion',
  }));
  const status = failureStatus(410, message, 'Expired', causes.length === 0 ? undefined : { causes });
  return { ...status, metadata: { resourceVersion: cursor } };
}

/** A line that tells how far the watch has come; behind the initial events it says so. */
export function bookmark(
  { apiVersion, kind }: Pick<WatchFormat, 'apiVersion' | 'kind'>,
  resourceVersion: string,
  afterInitial = false,
): string {
  const annotations = afterInitial ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
  const object = { kind, apiVersion, metadata: { resourceVersion, ...annotations } };
  return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
}

/** The same whenever the event is made an object. */
function liveNumberOf(event: LogEvent): number {
  let number = LIVE_NUMBERS.get(event);
  if (number === undefined) {
    liveNumber += 1;
    number = liveNumber;
    LIVE_NUMBERS.set(event, number);
  }
  return number;
}

function line(type: WatchLine['type'], object: object, name = ''): WatchLine {
  const objectAt = `{"type":"${type}","object":`.length;
  return { bytes: jsonLine({ type, object }), type, objectAt, name, special: type === 'ERROR', gap: undefined };
}
