import { Command, InvalidArgumentError as InvalidOptionError } from 'commander';
import { startCluster, type Cluster } from '../cluster/index.js';
import { TrunklineError } from '../errors/index.js';
import { describeFailure } from './failures.js';
import { instructions, readyLine } from './ready.js';
import { stopOnSignals } from './signals.js';

interface ClusterFlags {
  readonly pods: number;
  readonly apiPort: number;
  readonly port: number;
  readonly host: string;
  readonly json: boolean;
  readonly readinessPath?: string;
  readonly insecureAllowAnyAddress: boolean;
  readonly allowHost: readonly string[];
}

/** `trunkline cluster`. */
export function clusterCommand(): Command {
  return new Command('cluster')
    .description('Run a Kubernetes-style API server on this machine whose pods are local processes.')
    .usage('[options] [-- command args...]')
    .argument('[command...]', 'what each pod runs, after --; default: trunkline serve, linked to a mesh')
    .option('--pods <n>', 'number of pods', wholeNumber(1, 253), 3)
    .option('--api-port <port>', 'port of the API server; 0 for any free one', wholeNumber(0, 65_535), 8001)
    .option('--port <port>', 'port of the dashboard; 0 for any free one', wholeNumber(0, 65_535), 8080)
    .option('--host <address>', 'address of both', '127.0.0.1')
    .option('--allow-host <name...>', 'names in the Host header to accept beside addresses and localhost', [])
    .option('--readiness-path <path>', 'of a command: ready when a GET of this succeeds, not when its port is open')
    .option('--json', 'print one line of JSON once all is ready, and nothing else', false)
    .option(
      '--insecure-allow-any-address',
      'permit a --host beyond loopback: whoever reaches it can then run commands on this machine',
      false,
    )
    .addHelpText(
      'after',
      `
Without a command the pods are linked: what is published on one reaches the clients of all. They publish a tick each
second on the stream "ticks", and each line that they read (kubectl attach -i).

Each pod gets an address of its own in 127.0.0.0/8, and finds in its environment: POD_NAME, POD_NAMESPACE, POD_IP and
HOST (both that address), PORT, INTERNAL_PORT (for other pods), HOSTNAME, and KUBECONFIG, which leads to the API server.
Its label "app" is the name of the script or program. A pod that ends is started again, one that is deleted is replaced.
Ctrl-C stops everything; a second one does so at once.

Examples:
  $ trunkline cluster
  $ trunkline cluster --pods 5 --api-port 0 --port 0 --json
  $ trunkline cluster --pods 2 -- node my-server.js`,
    )
    .action(run);
}

async function run(command: readonly string[], flags: ClusterFlags): Promise<void> {
  const stopping = stopOnSignals();
  let cluster: Cluster;
  try {
    cluster = await startCluster({
      pods: flags.pods,
      host: flags.host,
      apiPort: flags.apiPort,
      port: flags.port,
      insecureAllowAnyAddress: flags.insecureAllowAnyAddress,
      allowedHosts: flags.allowHost,
      signal: stopping.signal,
      ...(command.length === 0 ? {} : { command }),
      ...(flags.readinessPath === undefined ? {} : { readinessPath: flags.readinessPath }),
      onError: (error) => process.stderr.write(`trunkline: internal error: ${detail(error)}\n`),
    });
  } catch (error) {
    if (stopping.signal.aborted) return;
    process.stderr.write(`trunkline: ${describeFailure(error, flags)}\n`);
    process.exitCode = 1;
    return;
  } finally {
    stopping.started();
  }
  stopping.onForce(() => cluster.killAll());
  process.stdout.write(flags.json ? readyLine(cluster) : instructions(cluster));
  await stopping.requested;
  if (!flags.json) process.stdout.write('\nStopping.\n');
  await cluster.close();
}

function detail(error: unknown): string {
  if (error instanceof TrunklineError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidOptionError(`It must be a whole number from ${least} to ${most}.`);
  };
}
