// Records the byte streams of real clients and servers into fixtures/: `node .build/test/support/record.js`. Needs Go and
// kubectl. A recording is a pair of files, NAME.up.bin (client to server) and NAME.down.bin, from the first byte of the
// HTTP request on, and NAME.json, which tells what was run and in what pieces and order the bytes passed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGoPrograms, runGo, runGoOnce, startGoServer, type GoProgram } from '../interop/support/go-programs.js';
import { projectRoot } from './project-root.js';
import { startTcpProxy, type Passage } from './tcp-proxy.js';

const target = join(projectRoot, 'fixtures');

/** What a recording is of. */
interface Recipe {
  readonly name: string;
  /** Shown in the description. */
  readonly client: string;
  readonly folder: 'spdy' | 'websocket';
  readonly server: { readonly program: GoProgram; readonly args: readonly string[]; readonly name: string };
  readonly run: (address: string) => Promise<{ readonly command: string; readonly result: unknown }>;
}

const execServers: Readonly<Record<Recipe['folder'], Recipe['server']>> = {
  spdy: { program: 'execserver', args: [], name: 'k8s.io/cri-streaming v0.37.2' },
  websocket: { program: 'execserver', args: [], name: 'k8s.io/apiserver v0.37.2 (StreamTranslatorHandler)' },
};

function kubectl(name: string, folder: Recipe['folder'], args: readonly string[], stdin?: string): Recipe {
  return {
    name,
    folder,
    server: execServers[folder],
    client: kubectlVersion(),
    run: async (address) => {
      const home = mkdtempSync(join(tmpdir(), 'kubectl-'));
      try {
        const child = spawn('kubectl', [`--server=http://${address}`, 'exec', ...args], {
          env: {
            PATH: process.env['PATH'],
            HOME: home,
            KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(folder === 'websocket'),
          },
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        let stdout = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
        child.stdin.end(stdin);
        const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
        return { command: ['kubectl exec', ...args].join(' '), result: { exit, stdout } };
      } finally {
        rmSync(home, { recursive: true });
      }
    },
  };
}

function clientGo(
  name: string,
  folder: Recipe['folder'],
  program: 'execclient' | 'execclient-0.32',
  args: readonly string[],
): Recipe {
  return {
    name,
    folder,
    server: execServers[folder],
    client: program === 'execclient' ? 'client-go v0.37.2' : 'client-go v0.32.4',
    run: async (address) => {
      const executor = folder === 'spdy' ? 'spdy' : 'websocket';
      const flags = ['-server', `http://${address}`, '-pod', 'p', '-executor', executor, '-keep', '64', ...args];
      const { lines } = await runGo<{ exit: number; stdout: string }>(program, flags);
      const [{ exit, stdout } = { exit: undefined, stdout: undefined }] = lines;
      return { command: ['execclient', ...flags.slice(2)].join(' '), result: { exit, stdout } };
    },
  };
}

/** SPDY without HTTP, for the frames that exec never sends. */
function spdystream(scenario: string, ...args: string[]): Recipe {
  return {
    name: `spdystream-${scenario}`,
    folder: 'spdy',
    server: { program: 'spdypeer', args: ['server'], name: 'github.com/moby/spdystream v0.5.1' },
    client: 'github.com/moby/spdystream v0.5.1',
    run: async (address) => {
      const flags = ['-scenario', scenario, ...args];
      const { ok, err } = await runGoOnce<{ ok: boolean; err: string }>('spdypeer', [
        'client',
        '-addr',
        address,
        ...flags,
      ]);
      return { command: ['spdypeer client', ...flags].join(' '), result: { ok, err } };
    },
  };
}

function kubectlVersion(): string {
  const { stdout } = spawnSync('kubectl', ['version', '--client', '--output=json'], { encoding: 'utf8' });
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { gitVersion: string } };
  return `kubectl ${clientVersion.gitVersion}`;
}

const shell = 'echo out; echo err >&2; exit 7';
const terminal = ['-tty', '-stdin', 'open', '-resize', '80x24,100x40', '-resize-interval', '100ms'];
const recipes: readonly Recipe[] = [
  ...(['spdy', 'websocket'] as const).flatMap((folder) => [
    kubectl('kubectl-echo', folder, ['p', '--', 'echo', 'hi']),
    kubectl('kubectl-exit-7', folder, ['p', '--', 'sh', '-c', shell]),
    kubectl('kubectl-stdin', folder, ['-i', 'p', '--', 'wc', '-c'], 'twelve bytes'),
    clientGo('client-go-0.37-echo', folder, 'execclient', ['--', 'echo', 'hi']),
    clientGo('client-go-0.37-stdin-100k', folder, 'execclient', ['-stdin', 'pattern:100000', '--', 'cat']),
    clientGo('client-go-0.37-tty', folder, 'execclient', [...terminal, '--', 'sh', '-c', 'sleep 0.5; stty size']),
    clientGo('client-go-0.32-exit-7', folder, 'execclient-0.32', ['--', 'sh', '-c', shell]),
    clientGo('client-go-0.32-stdin', folder, 'execclient-0.32', ['-stdin', 'pattern:100', '--', 'wc', '-c']),
  ]),
  spdystream('echo', '-streams', '5'),
  spdystream('headers', '-count', '30'),
  spdystream('many-headers', '-count', '60'),
  spdystream('header-frames', '-count', '5'),
  spdystream('refuse', '-count', '3'),
  spdystream('cancel', '-count', '3'),
  spdystream('reset', '-count', '3', '-bytes', '100'),
  spdystream('reset-after', '-bytes', '100'),
  spdystream('call-back'),
  spdystream('ping', '-count', '5'),
  spdystream('go-away'),
];

async function record(recipe: Recipe): Promise<void> {
  await using server = await startGoServer(recipe.server.program, recipe.server.args);
  const passages: Passage[] = [];
  await using proxy = await startTcpProxy({ target: server.address, onPassage: (one) => passages.push(one) });
  const { command, result } = await recipe.run(proxy.address);
  // kubectl asks for the pod on other connections; the one that was upgraded is the recording.
  const isUpgrade = ({ data, direction }: Passage): boolean => direction === 'down' && data.includes('HTTP/1.1 101 ');
  const upgradedOverHttp = recipe.server.program === 'execserver';
  const upgraded = upgradedOverHttp ? passages.find(isUpgrade) : passages[0];
  const pieces = passages.filter(({ connection }) => connection === upgraded?.connection);
  if (pieces.length === 0) throw new Error(`${recipe.name}: nothing was upgraded`);
  const folder = join(target, recipe.folder);
  mkdirSync(folder, { recursive: true });
  const streams = (['up', 'down'] as const).map((direction) => {
    const bytes = Buffer.concat(pieces.filter((piece) => piece.direction === direction).map(({ data }) => data));
    writeFileSync(join(folder, `${recipe.name}.${direction}.bin`), bytes);
    return [
      direction,
      {
        bytes: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        headBytes: upgradedOverHttp ? bytes.indexOf('\r\n\r\n') + 4 : 0,
      },
    ];
  });
  const description = {
    command,
    client: recipe.client,
    server: recipe.server.name,
    recorded: new Date().toISOString().slice(0, 10),
    result,
    ...Object.fromEntries(streams),
    pieces: pieces.map(({ direction, data }) => [direction, data.length]),
  };
  // One piece a line.
  const text = JSON.stringify(description, undefined, 2).replaceAll(/\[\s+"(up|down)",\s+(\d+)\s+\]/g, '["$1", $2]');
  writeFileSync(join(folder, `${recipe.name}.json`), `${text}\n`);
  console.log(recipe.folder, recipe.name, description.pieces.length, 'pieces');
}

buildGoPrograms();
for (const recipe of recipes) await record(recipe);
