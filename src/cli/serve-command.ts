import { Command } from 'commander';
import { systemClock } from '../clock/clock.js';
import { systemWallClock } from '../clock/wall.js';
import type { Logger } from '../logger/logger.js';
import { jsonLogger, textLogger } from '../serve/logger.js';
import { PodServer } from '../serve/pod-server.js';
import { publishLines, publishTicks } from './demo-events.js';
import { describeServeFailure } from './serve-failures.js';
import { addServeOptions, type ServeFlags } from './serve-flags.js';
import { SERVE_HELP } from './serve-help.js';
import { serveOptions } from './serve-options.js';
import { stopOnSignals } from './signals.js';

/** `trunkline serve`. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description('Run a pod: an event stream server that shares all events with the other pods, without a broker.')
    .addHelpText('after', SERVE_HELP)
    .action(run);
  return addServeOptions(command);
}

async function run(flags: ServeFlags): Promise<void> {
  const stopping = stopOnSignals();
  const logger = flags.json
    ? jsonLogger(write, { level: flags.logLevel })
    : textLogger(write, { level: flags.logLevel });
  const pod = await started(flags, logger, stopping.signal);
  stopping.started();
  if (pod === undefined) return;
  const { name, url, mesh, log } = pod;
  logger.info({ name, url, internalPort: mesh.port, origin: log.origin, links: mesh.links.length }, 'ready');
  const demo = demoEvents(flags, pod, logger);
  await stopping.requested;
  for (const one of demo) one.stop();
  await pod.close();
}

function demoEvents({ ticks, stdin }: ServeFlags, pod: PodServer, logger: Logger): readonly { stop(): void }[] {
  const { name, mesh: bus, log } = pod;
  const clients = (): number => log.subscribers().length;
  const options = { pod: name, bus, clients, logger, clock: systemClock, wallClock: systemWallClock };
  return [
    ...(ticks === undefined ? [] : [publishTicks(ticks, options)]),
    ...(stdin === undefined ? [] : [publishLines(stdin, process.stdin, options)]),
  ];
}

function write(line: string): void {
  process.stdout.write(line);
}

/** The pod, once it is ready; `undefined` when it cannot be, or was stopped before. */
async function started(flags: ServeFlags, logger: Logger, signal: AbortSignal): Promise<PodServer | undefined> {
  try {
    const pod = new PodServer(await serveOptions(flags, logger, systemClock));
    await pod.start({ signal });
    return pod;
  } catch (error) {
    if (signal.aborted) {
      logger.info({}, 'stopped before it was ready');
      return undefined;
    }
    logger.debug({ err: error }, 'starting failed');
    process.stderr.write(`trunkline: ${describeServeFailure(error, flags)}\n`);
    process.exitCode = 1;
    return undefined;
  }
}
