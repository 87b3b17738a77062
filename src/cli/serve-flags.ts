import { Option, type Command } from 'commander';
import { LOG_LEVELS, type LogLevel } from '../serve/logger.js';
import { duration, size, wholeNumber } from './values.js';

/** What the command line and the environment say. */
export interface ServeFlags {
  readonly port: number;
  readonly internalPort: number;
  readonly host: string;
  readonly grpcPort?: number;
  readonly compatible?: boolean;
  readonly name?: string;
  readonly peers: string;
  readonly selector?: string;
  readonly namespace?: string;
  readonly peerPortName?: string;
  readonly secretFile?: string;
  readonly publishTokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsName?: string;
  readonly wildcards: boolean;
  readonly allowOrigin: readonly string[];
  readonly allowHost: readonly string[];
  readonly historyEvents?: number;
  readonly historyBytes?: number;
  readonly historyAge?: number;
  readonly maxEventBytes?: number;
  readonly maxClients?: number;
  readonly drainTimeout: number;
  readonly ticks?: string;
  readonly stdin?: string;
  readonly logLevel: LogLevel;
  readonly json: boolean;
}

const PORT = wholeNumber(0, 65_535);

/** Where pods listen: a pod of Kubernetes must be reached, a program on somebody's machine need not be. */
function defaultHost(): string {
  const { POD_IP } = process.env;
  if (POD_IP === undefined) return '127.0.0.1';
  return POD_IP.includes(':') ? '::' : '0.0.0.0';
}

/** Adds the options of `trunkline serve`. */
export function addServeOptions(command: Command): Command {
  const options = [
    new Option('--port <port>', 'public port: clients, publishers, probes; 0 for any free one')
      .argParser(PORT)
      .default(8000)
      .env('PORT'),
    new Option('--internal-port <port>', 'port on which pods reach one another')
      .argParser(PORT)
      .default(7000)
      .env('INTERNAL_PORT'),
    new Option('--host <address>', 'address of both; by default all where POD_IP is set')
      .default(defaultHost())
      .env('HOST'),
    new Option(
      '--peers <how>',
      'how the other pods are found: kubernetes, endpointslices[:SERVICE], dns:NAME[:PORT], static:ADDRESS[:PORT],…, localhost (none)',
    )
      .default('localhost')
      .env('PEERS'),
    new Option('--selector <labels>', 'of --peers kubernetes: labels of the pods, such as app=web').env('SELECTOR'),
    new Option('--namespace <name>', 'where to look for them').env('POD_NAMESPACE'),
    new Option('--peer-port-name <name>', "name of the peers' internal port, where it is not the own --internal-port"),
    new Option('--name <name>', "name of this pod; by default the host's and a random number").env('POD_NAME'),
    new Option(
      '--secret-file <file>',
      'what only the pods know, 16 bytes at least; of several lines the first is shown and each accepted',
    ).env('SECRET_FILE'),
    new Option(
      '--publish-token-file <file>',
      'bearer tokens of publishers, one a line; read again when it changes',
    ).env('PUBLISH_TOKEN_FILE'),
    new Option('--tls-cert <file>', 'certificate of this pod, for mutual TLS between pods'),
    new Option('--tls-key <file>', 'its private key'),
    new Option('--tls-ca <file>', 'certificates of the authority that signs those of all pods'),
    new Option('--tls-name <name>', 'name in the certificates of all pods; by default the address of each'),
    new Option('--compatible', 'get on with pods of the Go package sser; the default without a secret and TLS'),
    new Option('--no-compatible', 'do not'),
    new Option('--grpc-port <port>', 'also serve the gRPC watch service here').argParser(PORT).env('GRPC_PORT'),
    new Option('--wildcards', 'let everybody follow patterns such as orders.*').default(false),
    new Option('--allow-origin <origin...>', 'pages of which other origins may follow, or *').default([], 'none'),
    new Option('--allow-host <name...>', 'names in the Host header to accept beside addresses and localhost').default(
      [],
      'any, but for pages on this machine',
    ),
    new Option('--history-events <n>', 'events that each stream keeps (1000)').argParser(wholeNumber(1, 1_000_000)),
    new Option('--history-bytes <size>', 'bytes that each stream keeps (4Mi)').argParser(size),
    new Option('--history-age <time>', 'how long events are kept (5m); the same on all pods').argParser(duration),
    new Option('--max-event-bytes <size>', 'bytes of one event (256Ki)').argParser(size),
    new Option('--max-clients <n>', 'clients of each transport at once (100000)').argParser(wholeNumber(1, 10_000_000)),
    new Option('--drain-timeout <time>', 'for handing over and letting clients go after a SIGTERM')
      .argParser(duration)
      .default(20_000, '20s'),
    new Option('--ticks <stream>', 'publish an event here each second, so that there is something to see'),
    new Option('--stdin <stream>', 'publish each line of the standard input here'),
    new Option('--log-level <level>', 'least level that is logged')
      .choices([...LOG_LEVELS])
      .default('info')
      .env('LOG_LEVEL'),
    new Option('--json', 'log lines of JSON').default(process.stdout.isTTY !== true, 'unless a terminal reads them'),
    new Option('--no-json', 'log lines for people'),
  ];
  for (const option of options) command.addOption(option);
  return command;
}
