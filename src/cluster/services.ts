import { randomUUID } from 'node:crypto';
import { MemoryStore, type Service, type ServicePort } from '../apiserver/index.js';
import { rfc3339 } from '../apiserver/namespaces.js';
import { MESH_PORT_NAME, PUBLIC_PORT_NAME } from './pod-object.js';

/**
 * The Services of a cluster's pods: one named like their `app` label for clients, which lists those that are ready, and
 * one with `-mesh` behind it for the pods among themselves, which lists them all. Both are headless, since nothing stands
 * in front of local processes.
 */
export function servicesOf(app: string, namespace: string, now: Date): MemoryStore<Service> {
  const store = new MemoryStore<Service>();
  const put = (name: string, port: ServicePort, publishNotReadyAddresses: boolean): void => {
    store.put({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, uid: randomUUID(), creationTimestamp: rfc3339(now), labels: { app } },
      spec: {
        type: 'ClusterIP',
        clusterIP: 'None',
        selector: { app },
        ports: [port],
        ...(publishNotReadyAddresses ? { publishNotReadyAddresses } : {}),
      },
    });
  };
  put(app, { name: PUBLIC_PORT_NAME, protocol: 'TCP', port: 8000, targetPort: PUBLIC_PORT_NAME }, false);
  put(`${app}-mesh`, { name: MESH_PORT_NAME, protocol: 'TCP', port: 7000, targetPort: MESH_PORT_NAME }, true);
  return store;
}
