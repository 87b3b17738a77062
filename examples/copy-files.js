// Copies files to and from a pod, such as one of the embedded cluster (npm start). The pod needs tar, nothing else.
// Run: node examples/copy-files.js [address of the API server] [pod]
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { copyFrom, copyStreamFrom, copyStreamTo, copyTo } from 'trunkline/remotecommand';

const server = process.argv[2] ?? 'http://127.0.0.1:8001';
const pod = process.argv[3] ?? (await firstPod());
const here = await mkdtemp(join(tmpdir(), 'copy-files-'));
await writeFile(join(here, 'notes.txt'), 'written here\n');

// A folder up, under a new name, with progress. A source that ends in "/." would stand for what is in it.
const there = `/tmp/${pod}-copy`;
const up = await copyTo({ server, pod }, here, there, {
  onProgress: ({ path, bytes, files }) => console.log(`${path}: ${bytes} bytes, ${files} files`),
  onWarning: ({ path, message }) => console.warn(path, message),
});
console.log(`up: ${up.files} files, ${up.bytes} bytes`);

// A stream becomes a file. Its size has to be known before: tar says it first.
const line = 'written from memory\n';
await copyStreamTo({ server, pod }, Readable.from([Buffer.from(line)]), `${there}/stream.txt`, { size: line.length });
console.log(await text(copyStreamFrom({ server, pod }, `${there}/stream.txt`)));

// And down again. It resolves when tar has exited with 0 and everything is in place; otherwise it rejects.
const down = await copyFrom({ server, pod }, there, join(here, 'back'));
console.log(`down: ${down.files} files; ${await readFile(join(here, 'back', 'notes.txt'), 'utf8')}`);
await copyFrom({ server, pod }, '/no/such/file', here).catch((error) => console.log(`${error.code}: ${error.stderr}`));
await rm(here, { recursive: true });

async function firstPod() {
  const list = await (await fetch(`${server}/api/v1/namespaces/default/pods`)).json();
  return list.items[0].metadata.name;
}
