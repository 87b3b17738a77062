import type { ServerResponse } from 'node:http';
import type { Clock } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import { portForwardServer, serveConnect, type ConnectOptions } from './connect.js';
import type { Handler, PlainHandler, RequestContext } from './context.js';
import { apiGroup, apiGroupList, apiResourceList, apiVersions, versionInfo } from './discovery.js';
import type { APIFaults } from './faults.js';
import type { EndpointSlice, KubernetesObject, Namespace, Pod, Service } from './objects.js';
import { serveDelete } from './delete.js';
import { objectOf, serveGet, serveList } from './read.js';
import type { PortForwardHandlerOptions } from '../portforward/index.js';
import type { RequestInfo } from './request-info.js';
import type { Resource } from './resource.js';
import {
  coreResources,
  DISCOVERY_GROUP,
  DISCOVERY_RESOURCES,
  endpointSliceResource,
  namespaceResource,
  podResource,
  serviceResource,
} from './resources.js';
import { sendJSON, sendText } from './respond.js';
import { serveLog } from './log.js';
import type { PodRuntime } from './runtime.js';
import { badRequest, methodNotAllowed, unknownPath } from './status-error.js';
import type { ResourceReader } from './store.js';
import type { WatchOutput } from './watch-output.js';
import { serveWatch } from './watch.js';

/** What the routes serve, and with what. */
export interface RouteEnvironment {
  readonly runtime: PodRuntime;
  readonly namespaces: ResourceReader<Namespace>;
  readonly services: ResourceReader<Service>;
  readonly endpointSlices: ResourceReader<EndpointSlice>;
  readonly faults: APIFaults | undefined;
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
  const podOf = (info: RequestInfo): Pod => objectOf(pods, info.namespace, info.name);
  const remove = runtime.delete?.bind(runtime);
  const deletion: Methods =
    remove === undefined
      ? {}
      : {
          DELETE: plain((context, response) => serveDelete(remove, () => podOf(context.info), context, response)),
        };
  const resources = new Map([
    ['v1/pods', withResource(pods, environment, deletion)],
    ['v1/namespaces', withResource(namespaceResource(namespaces, wallClock), environment)],
    ['v1/services', withResource(serviceResource(environment.services, wallClock), environment)],
    [
      'discovery.k8s.io/v1/endpointslices',
      withResource(endpointSliceResource(environment.endpointSlices, wallClock), environment),
    ],
  ]);
  const connect: Handler = (context) => serveConnect(runtime, podOf(context.info), context, environment.connect);
  const servePortForward = portForwardServer(runtime, environment.portForward);
  const forward: Handler = (context) => servePortForward(podOf(context.info), context);
  const subresources = new Map<string, Methods>([
    [
      'v1/pods/log',
      reading((context, response) => serveLog(runtime, podOf(context.info), context, response, wallClock)),
    ],
    ['v1/pods/status', reading((context, response) => serveGet(pods, context, response))],
    ['v1/pods/exec', { GET: connect, POST: connect }],
    ['v1/pods/attach', { GET: connect, POST: connect }],
    ['v1/pods/portforward', { GET: forward, POST: forward }],
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
  if (info.parts.length > 3) return undefined;
  const path = `${info.apiGroup === '' ? '' : `${info.apiGroup}/`}${info.apiVersion}/${info.resource}`;
  if (info.subresource !== '') return info.name === '' ? undefined : subresources.get(`${path}/${info.subresource}`);
  const routes = resources.get(path);
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
  changing: Methods = {},
): ResourceRoutes {
  const one: Methods = {
    ...reading((context, response) => {
      if (admitted('get', context, response)) serveGet(resource, context, response);
    }),
    ...changing,
  };
  /** Undefined when a fault has done with the request. */
  const admitted = (
    verb: 'get' | 'list' | 'watch',
    { query, signal }: RequestContext,
    response: ServerResponse,
  ): { readonly output?: () => WatchOutput } | undefined => {
    const { faults } = environment;
    return faults === undefined ? {} : faults.admit({ resource: resource.name, verb, query }, response, signal);
  };
  return {
    collection: reading((context, response) => {
      if (admitted('list', context, response)) serveList(resource, context, response);
    }),
    watch: reading((context, response) => {
      const admission = admitted('watch', context, response);
      if (admission !== undefined) serveWatch(resource, context, response, environment, admission.output);
    }),
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

function fixedPaths({ address, runtime }: RouteEnvironment): ReadonlyMap<string, Methods> {
  const documents: Readonly<Record<string, () => unknown>> = {
    '/': () => ({ paths: [...paths.keys()].toSorted() }),
    '/api': () => apiVersions(address()),
    '/api/v1': () => apiResourceList('v1', coreResources(runtime.delete !== undefined)),
    '/apis': () => apiGroupList([DISCOVERY_GROUP]),
    '/apis/discovery.k8s.io': () => apiGroup(DISCOVERY_GROUP),
    '/apis/discovery.k8s.io/v1': () => apiResourceList('discovery.k8s.io/v1', DISCOVERY_RESOURCES),
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
