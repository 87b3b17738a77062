// Bundles the page of the dashboard: `node scripts/bundle-dashboard.js FOLDER`.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'src', 'dashboard', 'page');

/** Writes the page, its script, its style sheet and the licences of what is in them into a folder. */
export async function bundleDashboard(folder) {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { dashboard: join(page, 'main.ts'), style: join(page, 'style.css') },
    outdir: folder,
    entryNames: '[name]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    plugins: [bufferForEventStreams],
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  });
  await writeFile(join(folder, 'licenses.txt'), await licenses(Object.keys(metafile.inputs)));
  await writeFile(join(folder, 'index.html'), await readFile(join(page, 'index.html')));
}

/** The parser of event streams is written for Node's Buffer. Others look whether there is one, and must find none. */
const bufferForEventStreams = {
  name: 'buffer-for-event-streams',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]sse[\\/][\w-]+\.ts$/ }, async ({ path }) => {
      const line = `import { Buffer } from ${JSON.stringify(join(page, 'buffer.ts'))};`;
      return { contents: `${line}\n${await readFile(path, 'utf8')}`, loader: 'ts' };
    });
  },
};

/** The licences of the packages that files are from. */
async function licenses(inputs) {
  const names = new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]));
  const texts = [];
  for (const name of [...names].filter((one) => one !== undefined).toSorted()) {
    const home = join(root, 'node_modules', name);
    const { version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
    texts.push(`${name} ${version}\n\n${await license(home)}`);
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function license(home) {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license']) {
    try {
      return await readFile(join(home, name), 'utf8');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`no licence in ${relative(dirname(root), home)}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('usage: bundle-dashboard.js FOLDER');
  await bundleDashboard(resolve(folder));
}
