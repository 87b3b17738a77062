import type { IncomingMessage } from 'node:http';
import { portForwardHandler, type PortForwardHandlerOptions } from '../portforward/index.js';
import { remoteCommandHandler, type RemoteCommandHandlerOptions } from '../remotecommand/index.js';
import type { RequestContext } from './context.js';
import type { Pod } from './objects.js';
import type { PodRuntime } from './runtime.js';
import { badRequest } from './status-error.js';

/** How exec and attach sessions are served. */
export type ConnectOptions = Omit<RemoteCommandHandlerOptions, 'onError'>;

/** How port-forward is served. */
export type ForwardOptions = Omit<PortForwardHandlerOptions, 'signal'>;

/**
 * The container that a request means: the one it names, or the first.
 *
 * @throws StatusError (400) for a name that the pod does not have, in the words of core `registry/core/pod`.
 */
export function containerOf(pod: Pod, wanted: string | null): string {
  const names = pod.spec.containers.map(({ name }) => name);
  const name = wanted || names[0] || '';
  if (!names.includes(name)) throw badRequest(`container ${name} is not valid for pod ${pod.metadata.name}`);
  return name;
}

/** Serves `pods/exec` and `pods/attach`: checks all that can be before the connection is upgraded, then hands it over. */
export function serveConnect(
  runtime: PodRuntime,
  pod: Pod,
  { req, query, info, upgrade }: RequestContext,
  options: ConnectOptions,
): void {
  if (upgrade === undefined) throw badRequest('Upgrade request required');
  const container = containerOf(pod, query.get('container'));
  const attaching = info.subresource === 'attach';
  if (!attaching && query.getAll('command').length === 0) throw badRequest('you must specify a command to execute');
  const { phase } = pod.status;
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  runtime.assertRunning(pod, container);
  const handle = remoteCommandHandler(
    (session) => (attaching ? runtime.attach(pod, container, session) : runtime.exec(pod, container, session)),
    // Origins were checked before any route was looked for.
    { allowedOrigins: 'any', ...options },
  );
  handle(req, upgrade.socket, upgrade.head);
}

/**
 * Makes what serves `pods/portforward`: it checks the pod before the connection is upgraded, and hands it over then.
 *
 * @throws InvalidArgumentError for options out of range.
 */
export function portForwardServer(
  runtime: PodRuntime,
  options: PortForwardHandlerOptions,
): (pod: Pod, context: RequestContext) => void {
  const pods = new WeakMap<IncomingMessage, Pod>();
  const handle = portForwardHandler(({ port, request, signal }) => {
    const pod = pods.get(request);
    if (pod === undefined) throw new Error('the pod is not known');
    return runtime.portForward(pod, port, signal);
  }, options);
  return (pod, { req, upgrade }) => {
    if (upgrade === undefined) throw badRequest('Upgrade request required');
    const { phase } = pod.status;
    if (phase !== 'Running') {
      // The words of kubectl, which looks before it asks.
      throw badRequest(`unable to forward port because pod is not running. Current status=${phase}`);
    }
    pods.set(req, pod);
    handle(req, upgrade.socket, upgrade.head);
  };
}
