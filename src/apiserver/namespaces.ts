import { randomUUID } from 'node:crypto';
import type { Namespace } from './objects.js';
import { MemoryStore } from './store.js';

/** The namespaces of a new cluster: `default`. */
export function defaultNamespaces(now: Date): MemoryStore<Namespace> {
  const store = new MemoryStore<Namespace>();
  store.put({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: 'default',
      uid: randomUUID(),
      creationTimestamp: rfc3339(now),
      labels: { 'kubernetes.io/metadata.name': 'default' },
    },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
  return store;
}

/** A time as Kubernetes objects carry it: to the second, in UTC. */
export function rfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}
