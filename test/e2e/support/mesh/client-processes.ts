import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sumOf, type ClientReport, type FromClients, type PublishedTable, type ToClients } from './messages.js';

const MAIN = fileURLToPath(new URL('clients-main.js', import.meta.url));

/** Many clients of event streams, spread over a few processes. */
export class ClientProcesses implements Disposable {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Starts them, and settles when each client has its first stream. */
  static async start(options: {
    readonly clients: number;
    readonly processes: number;
    readonly streams: readonly string[];
    readonly targets: readonly string[];
    readonly seed: number;
  }): Promise<ClientProcesses> {
    const { clients, processes, streams, targets, seed } = options;
    const children = Array.from({ length: processes }, () => fork(MAIN, { stdio: 'inherit' }));
    const group = new ClientProcesses(children);
    try {
      group.setTargets(targets);
      const connected = children.map(async (child) => await heard(child, 'connected'));
      for (const [index, child] of children.entries()) {
        const share = Math.floor(clients / processes) + (index < clients % processes ? 1 : 0);
        tell(child, { kind: 'start', clients: share, streams, seed: seed + index });
      }
      await Promise.all(connected);
    } catch (error) {
      group[Symbol.dispose]();
      throw error;
    }
    return group;
  }

  /** Where clients connect from now on. */
  setTargets(urls: readonly string[]): void {
    for (const child of this.#children) tell(child, { kind: 'targets', urls });
  }

  /** Settles when all clients have what is required, or with what they have when it takes too long. */
  async report(events: PublishedTable, timeout: number): Promise<ClientReport & { readonly complete: boolean }> {
    const reports = this.#children.map(async (child) => await heard(child, 'report'));
    for (const child of this.#children) tell(child, { kind: 'published', events });
    const deadline = setTimeout(() => {
      for (const child of this.#children) tell(child, { kind: 'report' });
    }, timeout);
    try {
      const all = await Promise.all(reports);
      return { ...sumOf(all.map(({ report }) => report)), complete: all.every(({ complete }) => complete) };
    } finally {
      clearTimeout(deadline);
    }
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

function tell(child: ChildProcess, message: ToClients): void {
  if (child.connected) child.send(message);
}

/** The next message of a kind. Rejects when the process ends before. */
async function heard<K extends FromClients['kind']>(
  child: ChildProcess,
  kind: K,
): Promise<Extract<FromClients, { kind: K }>> {
  const controller = new AbortController();
  const { signal } = controller;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`a process of clients ended with ${String(code)}`);
  });
  ended.catch(() => {});
  const message = (async () => {
    for (;;) {
      const [received] = (await once(child, 'message', { signal })) as [FromClients];
      if (received.kind === kind) return received as Extract<FromClients, { kind: K }>;
    }
  })();
  try {
    return await Promise.race([message, ended]);
  } finally {
    controller.abort();
    message.catch(() => {});
  }
}
