import { TrunklineError } from '../errors/index.js';
import { KubernetesAPIError } from '../kubernetes/api-error.js';
import { isNoKubeConfig } from './patient-finder.js';
import type { ServeFlags } from './serve-flags.js';

/** Says in one line why a pod could not be started, and what to do about it. */
export function describeServeFailure(error: unknown, flags: ServeFlags): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof KubernetesAPIError) return describeAPIFailure(error, flags);
  if (isNoKubeConfig(error)) {
    return 'there is no usable kubeconfig, and this is no pod of Kubernetes with a service account; set KUBECONFIG (an http:// server needs insecure-skip-tls-verify), or choose other --peers';
  }
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  if (error instanceof TrunklineError) return error.message;
  const option = port === flags.internalPort ? '--internal-port' : port === flags.grpcPort ? '--grpc-port' : '--port';
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${address} is in use; choose another with ${option} (0 for any free one)`;
    case 'EACCES':
      if (port === undefined) break;
      return `not permitted to listen on port ${port}; choose one from 1024 with ${option}`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      if (port === undefined && address === undefined) break;
      return `cannot listen on ${address ?? flags.host}: it is no address of this machine; choose another with --host`;
    case 'ECONNREFUSED':
    case 'ETIMEDOUT':
      return `cannot reach ${address ?? 'the API server'}${port === undefined ? '' : `:${port}`} (${code}), to find the other pods`;
    default:
  }
  return error.message;
}

function describeAPIFailure(error: KubernetesAPIError, { peers }: ServeFlags): string {
  const resource = peers.startsWith('endpointslices') ? 'endpointslices of discovery.k8s.io' : 'pods';
  switch (error.statusCode) {
    case 401:
      return `${error.message}; the API server does not know this pod: is its service account's token mounted?`;
    case 403:
      return `${error.message}; give the service account a Role with the verbs get, list and watch on ${resource}, and a RoleBinding (see deploy/)`;
    case 404:
      return `${error.message}; does the namespace exist?`;
    default:
      return error.message;
  }
}
