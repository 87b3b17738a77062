import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { oneByte, randomSlices, slices, wholeChunks, type Slicer } from '../../src/testing/index.js';
import { decodeHeaderBlock } from '../../src/wire/spdy/header-block.js';
import { resolveLimits } from '../../src/limits/limits.js';
import {
  HEADERS,
  StreamingDecompressor,
  SYN_REPLY,
  SYN_STREAM,
  parseFrames,
  type ParsedFrame,
} from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';
import { projectRoot } from '../support/project-root.js';

// What kubectl, client-go and moby/spdystream sent, in fixtures/, through our machine in pieces of all sizes.

const folder = join(projectRoot, 'fixtures', 'spdy');
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -5));
const SLICERS: readonly Slicer[] = [wholeChunks, oneByte, ...[1, 2, 3, 4].map((seed) => randomSlices(seed, 200))];
const HEADER_OFFSET: Readonly<Record<number, number>> = { [SYN_STREAM]: 10, [SYN_REPLY]: 4, [HEADERS]: 4 };

/** The SPDY bytes of a recording; the HTTP head in front of them is cut off. */
function spdyBytes(name: string, direction: 'up' | 'down'): Buffer {
  const bytes = readFileSync(join(folder, `${name}.${direction}.bin`));
  if (!/^(?:[A-Z]+ \/|HTTP\/)/.test(bytes.subarray(0, 8).toString('latin1'))) return bytes;
  return bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
}

/** What a peer must have understood, found without the machine: by one real zlib stream and a plain walk over frames. */
async function meaning(frames: readonly ParsedFrame[]): Promise<{ headers: string[]; data: Map<number, string> }> {
  const inflate = new StreamingDecompressor();
  const headers: string[] = [];
  const data = new Map<number, string>();
  for (const frame of frames) {
    if (frame.kind === 'data') {
      data.set(frame.id, (data.get(frame.id) ?? '') + frame.payload.toString('latin1'));
      continue;
    }
    const offset = HEADER_OFFSET[frame.type];
    if (offset === undefined) continue;
    const fields = decodeHeaderBlock(await inflate.decompress(frame.payload.subarray(offset)), resolveLimits());
    if (frame.type === SYN_REPLY) continue;
    const kind = frame.type === SYN_STREAM ? 'opened' : 'headers';
    const text = [...fields].map(([key, values]) => `${key}=${values.join('|')}`).join(' ');
    headers.push(`${kind} ${frame.payload.readUInt32BE(0)} ${text}`.trimEnd());
  }
  inflate.close();
  return { headers, data };
}

function opened(frames: readonly ParsedFrame[]): number {
  return frames.filter((frame) => frame.kind === 'control' && frame.type === SYN_STREAM).length;
}

describe('recordings of real peers', () => {
  it('there are some', () => assert.ok(names.length >= 5));

  for (const name of names) {
    for (const [direction, role] of [
      ['up', 'server'],
      ['down', 'client'],
    ] as const) {
      it(`${name}, ${direction === 'up' ? 'what the client sent' : 'what the server sent'}`, async () => {
        const bytes = spdyBytes(name, direction);
        const frames = parseFrames(bytes);
        const ours = opened(parseFrames(spdyBytes(name, direction === 'up' ? 'down' : 'up')));
        const expected = await meaning(frames);
        for (const slicer of SLICERS) {
          const harness = new MachineHarness(role);
          for (let i = 0; i < ours; i++) harness.open();
          for (const piece of slices(bytes, slicer)) harness.receive(piece);
          const events = harness.takeEvents();
          assert.deepEqual(
            events.filter((line) => /^(opened|headers) /.test(line)),
            expected.headers,
          );
          const data = new Map<number, string>();
          for (const line of events) {
            const match = /^data (\d+) (".*")$/.exec(line);
            if (match === null) continue;
            const id = Number(match[1]);
            data.set(id, (data.get(id) ?? '') + String(JSON.parse(match[2] ?? '""')));
          }
          assert.deepEqual(data, new Map([...expected.data].filter(([, text]) => text !== '')));
          assert.ok(!events.some((line) => /protocol-error|already-closed/.test(line)), events.join('\n'));
          assert.ok(!harness.takeOutput().some((line) => line.startsWith('GOAWAY')));
        }
      });
    }
  }
});
