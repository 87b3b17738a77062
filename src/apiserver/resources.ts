import type { WallClock } from '../clock/wall.js';
import type { APIGroup, APIResource } from './discovery.js';
import type { EndpointSlice, Namespace, Pod, Service } from './objects.js';
import { namespaceTable, podTable } from './pod-table.js';
import type { Resource } from './resource.js';
import { endpointSliceTable, serviceTable } from './service-table.js';
import type { ResourceReader } from './store.js';

const READ: readonly string[] = ['get', 'list', 'watch'];

/** The document of the core group lists these. @param deletes Whether pods can be deleted. */
export const coreResources = (deletes: boolean): readonly APIResource[] => [
  {
    name: 'namespaces',
    singularName: 'namespace',
    namespaced: false,
    kind: 'Namespace',
    verbs: READ,
    shortNames: ['ns'],
  },
  {
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: deletes ? ['delete', ...READ] : READ,
    shortNames: ['po'],
    categories: ['all'],
  },
  { name: 'pods/attach', singularName: '', namespaced: true, kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  { name: 'pods/exec', singularName: '', namespaced: true, kind: 'PodExecOptions', verbs: ['create', 'get'] },
  { name: 'pods/log', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get'] },
  {
    name: 'pods/portforward',
    singularName: '',
    namespaced: true,
    kind: 'PodPortForwardOptions',
    verbs: ['create', 'get'],
  },
  { name: 'pods/status', singularName: '', namespaced: true, kind: 'Pod', verbs: ['get'] },
  {
    name: 'services',
    singularName: 'service',
    namespaced: true,
    kind: 'Service',
    verbs: READ,
    shortNames: ['svc'],
    categories: ['all'],
  },
];

/** The group of EndpointSlices. */
export const DISCOVERY_GROUP: APIGroup = { name: 'discovery.k8s.io', version: 'v1' };

/** The document of that group lists these. */
export const DISCOVERY_RESOURCES: readonly APIResource[] = [
  {
    name: 'endpointslices',
    singularName: 'endpointslice',
    namespaced: true,
    kind: 'EndpointSlice',
    verbs: READ,
  },
];

/** Pods. */
export function podResource(objects: ResourceReader<Pod>, clock: WallClock): Resource<Pod> {
  return {
    name: 'pods',
    kind: 'Pod',
    apiVersion: 'v1',
    namespaced: true,
    objects,
    table: podTable(clock),
    fieldNames: [
      'metadata.name',
      'metadata.namespace',
      'spec.nodeName',
      'spec.restartPolicy',
      'status.phase',
      'status.podIP',
    ],
    fieldsOf: ({ metadata, spec, status }) => ({
      'metadata.name': metadata.name,
      'metadata.namespace': metadata.namespace,
      'spec.nodeName': spec.nodeName ?? '',
      'spec.restartPolicy': spec.restartPolicy,
      'status.phase': status.phase,
      'status.podIP': status.podIP ?? '',
    }),
  };
}

/** Namespaces. */
export function namespaceResource(objects: ResourceReader<Namespace>, clock: WallClock): Resource<Namespace> {
  return {
    name: 'namespaces',
    kind: 'Namespace',
    apiVersion: 'v1',
    namespaced: false,
    objects,
    table: namespaceTable(clock),
    fieldNames: ['metadata.name', 'status.phase'],
    fieldsOf: ({ metadata, status }) => ({ 'metadata.name': metadata.name, 'status.phase': status.phase }),
  };
}

/** Services. */
export function serviceResource(objects: ResourceReader<Service>, clock: WallClock): Resource<Service> {
  return {
    name: 'services',
    kind: 'Service',
    apiVersion: 'v1',
    namespaced: true,
    objects,
    table: serviceTable(clock),
    fieldNames: ['metadata.name', 'metadata.namespace', 'spec.clusterIP', 'spec.type'],
    fieldsOf: ({ metadata, spec }) => ({
      'metadata.name': metadata.name,
      'metadata.namespace': metadata.namespace,
      'spec.clusterIP': spec.clusterIP ?? '',
      'spec.type': spec.type ?? 'ClusterIP',
    }),
  };
}

/** EndpointSlices. */
export function endpointSliceResource(
  objects: ResourceReader<EndpointSlice>,
  clock: WallClock,
): Resource<EndpointSlice> {
  return {
    name: 'endpointslices',
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    namespaced: true,
    objects,
    table: endpointSliceTable(clock),
    fieldNames: ['metadata.name', 'metadata.namespace'],
    fieldsOf: ({ metadata }) => ({ 'metadata.name': metadata.name, 'metadata.namespace': metadata.namespace }),
  };
}
