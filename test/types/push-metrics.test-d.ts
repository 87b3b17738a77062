// Compiled by `npm run check:types` and never run: the adapters take the real prom-client and the real OpenTelemetry.
import { metrics, type Meter } from '@opentelemetry/api';
import client, { Registry } from 'prom-client';
import * as namespace from 'prom-client';
import { EventLog, otelMetrics, promMetrics, type MetricsRegistration } from '../../src/push/index.js';

export function promTypes(log: EventLog): void {
  const stop: MetricsRegistration = promMetrics(log, client);
  stop();
  using second = promMetrics(log, namespace, { registry: new Registry(), prefix: 'x_', perStream: true });
  second();
  // @ts-expect-error: no such option
  promMetrics(log, client, { perStreams: true });
  // @ts-expect-error: the module is needed
  promMetrics(log);
}

export function otelTypes(log: EventLog): void {
  const meter: Meter = metrics.getMeter('m');
  using registration = otelMetrics(log, meter, { prefix: 'x.', perStream: true });
  registration();
  // @ts-expect-error: no such option
  otelMetrics(log, meter, { registry: 1 });
}
