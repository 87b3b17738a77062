import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ConnectionLostError } from '../../../../src/errors/index.js';
import { duplexPair } from './duplex-support.js';

// A reader that asks for a number of bytes sleeps until 'readable' when there are fewer.

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

for (const first of ['ask', 'break'] as const) {
  it(`a reader that waits for more than there is hears of a loss (first: ${first})`, async (t) => {
    const { client, server } = await duplexPair(t);
    const reader = client.duplex;
    server.duplex.write('12345');
    let asked = 0;
    const ask = (): void => {
      reader.on('readable', () => {
        asked++;
        reader.read(10);
      });
    };
    const closed = new Promise((resolve) => reader.once('close', resolve));
    let error: unknown;
    reader.on('error', (reason) => (error = reason));
    if (first === 'ask') {
      ask();
      await until(() => asked > 0);
      server.duplex.destroy();
    } else {
      await new Promise<void>((resolve) => reader.once('readable', resolve));
      server.duplex.destroy();
      ask();
    }
    await closed;
    assert.ok(error instanceof ConnectionLostError, String(error));
  });
}
