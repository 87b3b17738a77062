import type { Clock } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import { portForwardServer, serveConnect, type ConnectOptions } from './connect.js';
import type { Handler, PlainHandler } from './context.js';
import { apiGroupList, apiResourceList, apiVersions, versionInfo, type APIResource } from './discovery.js';
import type { KubernetesObject, Namespace, Pod } from './objects.js';
import { namespaceTable, podTable } from './pod-table.js';
import { objectOf, serveGet, serveList } from './read.js';
import type { PortForwardHandlerOptions } from '../portforward/index.js';
import type { RequestInfo } from './request-info.js';
import type { Resource } from './resource.js';
import { sendJSON, sendText } from './respond.js';
import { serveLog } from './log.js';
import type { PodRuntime } from './runtime.js';
import { badRequest, methodNotAllowed, unknownPath } from './status-error.js';
import type { ResourceReader } from './store.js';
import { serveWatch } from './watch.js';

/** What the routes serve, and with what. */
export interface RouteEnvironment {
  readonly runtime: PodRuntime;
  readonly namespaces: ResourceReader<Namespace>;
  readonly clock: Clock;
  readonly wallClock: WallClock;
  readonly random: () => number;
  readonly connect: ConnectOptions;
  readonly portForward: PortForwardHandlerOptions;
  /** `host:port` as clients reach it. */
  readonly address: () => string;
}

/** Handlers by HTTP method. */
type Methods = Readonly<Record<string, Handler>>;

/** Finds the handler for a request; throws StatusError (404, 405) when there is none. */
export type Router = (info: RequestInfo, method: string) => Handler;

/** Builds the router of the server. */
export function createRouter(environment: RouteEnvironment): Router {
  const { runtime, namespaces, wallClock } = environment;
  const pods = podResource(runtime.pods, wallClock);
  const resources = new Map([
    ['pods', withResource(pods, environment)],
    ['namespaces', withResource(namespaceResource(namespaces, wallClock), environment)],
  ]);
  const podOf = (info: RequestInfo): Pod => objectOf(pods, info.namespace, info.name);
  const connect: Handler = (context) => serveConnect(runtime, podOf(context.info), context, environment.connect);
  const servePortForward = portForwardServer(runtime, environment.portForward);
  const forward: Handler = (context) => servePortForward(podOf(context.info), context);
  const subresources = new Map<string, Methods>([
    ['pods/log', reading((context, response) => serveLog(runtime, podOf(context.info), context, response, wallClock))],
    ['pods/status', reading((context, response) => serveGet(pods, context, response))],
    ['pods/exec', { GET: connect, POST: connect }],
    ['pods/attach', { GET: connect, POST: connect }],
    ['pods/portforward', { GET: forward, POST: forward }],
  ]);
  const paths = fixedPaths(environment);
  return (info, method) => {
    const methods = info.isResourceRequest
      ? resourceMethods(info, resources, subresources)
      : paths.get(trim(info.path));
    if (methods === undefined) throw unknownPath();
    const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (handler === undefined) throw methodNotAllowed(Object.keys(methods));
    return handler;
  };
}

function trim(path: string): string {
  return path === '/' ? path : path.replace(/\/+$/, '');
}

function resourceMethods(
  info: RequestInfo,
  resources: ReadonlyMap<string, ResourceRoutes>,
  subresources: ReadonlyMap<string, Methods>,
): Methods | undefined {
  if (info.apiPrefix !== 'api' || info.apiVersion !== 'v1') return undefined;
  if (info.parts.length > 3) return undefined;
  if (info.subresource !== '')
    return info.name === '' ? undefined : subresources.get(`${info.resource}/${info.subresource}`);
  const routes = resources.get(info.resource);
  if (routes === undefined) return undefined;
  if (info.verb === 'proxy') return undefined;
  if (info.verb === 'watch') return routes.watch;
  return info.parts.length > 1 ? routes.object(info) : routes.collection;
}

interface ResourceRoutes {
  readonly collection: Methods;
  readonly watch: Methods;
  object(info: RequestInfo): Methods | undefined;
}

function withResource<T extends KubernetesObject>(
  resource: Resource<T>,
  environment: RouteEnvironment,
): ResourceRoutes {
  const one = reading((context, response) => serveGet(resource, context, response));
  return {
    collection: reading((context, response) => serveList(resource, context, response)),
    watch: reading((context, response) => serveWatch(resource, context, response, environment)),
    // A namespaced object has no address outside of its namespace.
    object: (info) => (resource.namespaced && info.namespace === '' ? undefined : one),
  };
}

function reading(handler: PlainHandler): Methods {
  const serve = plain(handler);
  return { GET: serve, HEAD: serve };
}

function plain(handler: PlainHandler): Handler {
  return (context) => {
    if (context.response === undefined) throw badRequest('unable to upgrade: this path serves no stream protocol');
    return handler(context, context.response);
  };
}

function fixedPaths({ address }: RouteEnvironment): ReadonlyMap<string, Methods> {
  const documents: Readonly<Record<string, () => unknown>> = {
    '/': () => ({ paths: [...paths.keys()].toSorted() }),
    '/api': () => apiVersions(address()),
    '/api/v1': () => apiResourceList(RESOURCES),
    '/apis': apiGroupList,
    '/version': versionInfo,
  };
  const paths = new Map<string, Methods>();
  for (const [path, document] of Object.entries(documents)) {
    paths.set(
      path,
      reading((_context, response) => sendJSON(response, document())),
    );
  }
  for (const path of ['/healthz', '/livez', '/readyz']) {
    paths.set(
      path,
      reading((_context, response) => sendText(response, 'ok')),
    );
  }
  return paths;
}

const RESOURCES: readonly APIResource[] = [
  {
    name: 'namespaces',
    singularName: 'namespace',
    namespaced: false,
    kind: 'Namespace',
    verbs: ['get', 'list', 'watch'],
    shortNames: ['ns'],
  },
  {
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: ['get', 'list', 'watch'],
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
];

function podResource(objects: ResourceReader<Pod>, clock: WallClock): Resource<Pod> {
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

function namespaceResource(objects: ResourceReader<Namespace>, clock: WallClock): Resource<Namespace> {
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
