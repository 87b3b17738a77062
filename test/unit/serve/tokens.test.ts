import assert from 'node:assert/strict';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Logger } from '../../../src/logger/logger.js';
import { FixedTokens, TokenFile } from '../../../src/serve/tokens.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { temporaryFolder } from '../../support/folder.js';

const OLD = 'the-token-of-before';
const NEW = 'the-token-of-now-on';

interface Told {
  readonly logger: Logger;
  readonly lines: string[];
}

function telling(): Told {
  const lines: string[] = [];
  const tell = (_fields: object, message: string): void => void lines.push(message);
  return { lines, logger: { debug: tell, info: tell, warn: tell, error: tell } };
}

describe('FixedTokens', () => {
  it('knows its tokens and no others', () => {
    const tokens = new FixedTokens([OLD, NEW]);
    for (const [token, known] of [
      [OLD, true],
      [NEW, true],
      ['', false],
      [OLD.slice(1), false],
      [`${OLD}x`, false],
    ] as const) {
      assert.equal(tokens.knows(token), known, token);
    }
  });

  it('refuses none, what can be guessed and what no header can carry', () => {
    for (const wrong of [[], ['short'], ['a token with spaces in it'], ['a-token-with-ümlauts'], ['='.repeat(20)]]) {
      assert.throws(() => new FixedTokens(wrong), { code: 'ERR_INVALID_ARGUMENT' }, wrong.join());
    }
  });
});

describe('TokenFile', () => {
  it('takes a token from each line', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'tokens');
    await writeFile(path, `# of publishers\n${OLD}\r\n\n  ${NEW}  \n`);
    const tokens = await TokenFile.open(path, new VirtualClock(), telling().logger);
    assert.ok(await tokens.knows(OLD));
    assert.ok(await tokens.knows(NEW));
    assert.equal(await tokens.knows('# of publishers'), false);
  });

  it('is read again after five seconds, as when Kubernetes renews a Secret', async () => {
    using folder = temporaryFolder();
    const clock = new VirtualClock();
    const { logger, lines } = telling();
    const [before, after, path] = ['before', 'after', 'token'].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(before, OLD);
    await writeFile(after, NEW);
    await symlink(before, path);
    const tokens = await TokenFile.open(path, clock, logger);
    await rm(path);
    await symlink(after, path);
    clock.advance(4_999);
    assert.deepEqual([await tokens.knows(OLD), await tokens.knows(NEW)], [true, false]);
    clock.advance(1);
    assert.deepEqual(await Promise.all([tokens.knows(OLD), tokens.knows(NEW)]), [false, true]);
    assert.deepEqual(lines, ['the tokens were renewed']);
    clock.advance(5_000);
    assert.ok(await tokens.knows(NEW));
    assert.equal(lines.length, 1);
  });

  it('stays with what it had while the file is away or useless, and says so once', async () => {
    using folder = temporaryFolder();
    const clock = new VirtualClock();
    const { logger, lines } = telling();
    const path = join(folder.path, 'token');
    await writeFile(path, OLD);
    const tokens = await TokenFile.open(path, clock, logger);
    await rm(path);
    for (let i = 0; i < 3; i++) {
      clock.advance(5_000);
      assert.ok(await tokens.knows(OLD));
    }
    assert.equal(lines.length, 1);
    await writeFile(path, '\n');
    clock.advance(5_000);
    assert.ok(await tokens.knows(OLD));
    assert.equal(lines.length, 2);
    await writeFile(path, NEW);
    clock.advance(5_000);
    assert.deepEqual([await tokens.knows(OLD), await tokens.knows(NEW)], [false, true]);
    assert.equal(lines.at(-1), 'the tokens were renewed');
  });

  it('cannot be opened without a usable token in it', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'token');
    const open = () => TokenFile.open(path, new VirtualClock(), telling().logger);
    await assert.rejects(open(), { code: 'ENOENT' });
    for (const text of ['', 'short', `${'a'.repeat(70_000)}\n`]) {
      await writeFile(path, text);
      await assert.rejects(open(), { code: 'ERR_INVALID_ARGUMENT' });
    }
  });
});
