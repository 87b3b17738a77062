import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import type { Logger } from '../logger/logger.js';
import type { PodServerOptions } from '../serve/options.js';
import { TokenFile } from '../serve/tokens.js';
import { secureFraction } from '../random/secure-fraction.js';
import { PatientPeerFinder } from './patient-finder.js';
import type { ServeFlags } from './serve-flags.js';
import { peerFinder } from './serve-peers.js';

/**
 * The options of the pod that the flags mean, with the files that they name.
 *
 * @throws InvalidArgumentError that names the flag.
 */
export async function serveOptions(flags: ServeFlags, logger: Logger, clock: Clock): Promise<PodServerOptions> {
  const { host, port, internalPort, selector, namespace, peerPortName } = flags;
  const found = peerFinder(flags.peers, { host, internalPort, selector, namespace, portName: peerPortName, logger });
  const finder = new PatientPeerFinder(found, { clock, random: secureFraction, logger });
  const [secret, tls, tokens] = await Promise.all([
    flags.secretFile === undefined ? undefined : secretIn('--secret-file', flags.secretFile),
    tlsOptions(flags),
    flags.publishTokenFile === undefined ? undefined : tokensIn(flags.publishTokenFile, clock, logger),
  ]);
  const { allowOrigin } = flags;
  const any = allowOrigin.includes('*');
  return {
    finder,
    host,
    port,
    internalPort,
    logger,
    clock,
    drainTimeout: flags.drainTimeout,
    wildcards: flags.wildcards,
    processMetrics: true,
    history: definedOf({ events: flags.historyEvents, bytes: flags.historyBytes, age: flags.historyAge }),
    limits: definedOf({ maxEventBytes: flags.maxEventBytes }),
    cors: any || (allowOrigin.length > 0 && { origin: allowOrigin }),
    ...definedOf({
      name: flags.name,
      secret,
      tls,
      publishTokens: tokens,
      grpcPort: flags.grpcPort,
      compatible: flags.compatible,
      maxClients: flags.maxClients,
      allowedOrigins: any ? ('any' as const) : allowOrigin.length === 0 ? undefined : allowOrigin,
      allowedHosts: flags.allowHost.length === 0 ? undefined : flags.allowHost,
    }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that are not given. */
function definedOf<T extends object>(members: T): Defined<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** Text of several lines is several secrets. What is no text is one, byte by byte. */
async function secretIn(flag: string, path: string): Promise<string | Buffer> {
  const bytes = await read(flag, path);
  if (isUtf8(bytes)) return textSecretIn(flag, path, bytes.toString('utf8'));
  checkSecret(flag, path, bytes.length);
  return bytes;
}

function textSecretIn(flag: string, path: string, text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const secrets = lines.filter((line) => line !== '');
  for (const secret of secrets.length === 0 ? [''] : secrets) checkSecret(flag, path, Buffer.byteLength(secret));
  return secrets.join('\n');
}

function checkSecret(flag: string, path: string, length: number): void {
  if (length >= 16) return;
  throw new InvalidArgumentError(
    `${flag} ${path}: a secret has 16 bytes at least, this one ${length}; make one with: openssl rand -hex 32`,
  );
}

async function tokensIn(path: string, clock: Clock, logger: Logger): Promise<TokenFile> {
  try {
    return await TokenFile.open(path, clock, logger);
  } catch (error) {
    throw new InvalidArgumentError(`--publish-token-file ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function tlsOptions(flags: ServeFlags): Promise<PodServerOptions['tls']> {
  const { tlsCert, tlsKey, tlsCa, tlsName } = flags;
  if ([tlsCert, tlsKey, tlsCa, tlsName].every((flag) => flag === undefined)) return undefined;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    throw new InvalidArgumentError('--tls-cert, --tls-key and --tls-ca go together, and --tls-name with them');
  }
  const [cert, key, ca] = await Promise.all([
    read('--tls-cert', tlsCert),
    read('--tls-key', tlsKey),
    read('--tls-ca', tlsCa),
  ]);
  const servername = tlsName === undefined ? {} : { servername: tlsName };
  return { server: { cert, key, ca }, client: { cert, key, ca, ...servername } };
}

async function read(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new InvalidArgumentError(`${flag} ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'the file may not be read by this user';
  if (code === 'EISDIR') return 'it is a directory; name the file in it';
  return error instanceof Error ? error.message : String(error);
}
