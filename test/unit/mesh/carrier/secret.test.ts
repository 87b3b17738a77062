import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Challenges, LinkSecret, newNonce } from '../../../../src/mesh/carrier/secret.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';

describe('LinkSecret', () => {
  const secret = new LinkSecret('correct horse battery');

  it('proves over the role and both numbers', () => {
    const proof = secret.proof('dialler', 'challenge', 'nonce');
    assert.equal(secret.verify('dialler', 'challenge', 'nonce', proof), true);
    assert.equal(secret.verify('acceptor', 'challenge', 'nonce', proof), false, 'a proof is no answer');
    assert.equal(secret.verify('dialler', 'challenge2', 'nonce', proof), false);
    assert.equal(secret.verify('dialler', 'challenge', 'nonce2', proof), false);
    assert.equal(secret.verify('dialler', 'challenge', 'nonce', ''), false);
    assert.equal(new LinkSecret('another horse battery').verify('dialler', 'challenge', 'nonce', proof), false);
  });

  it('takes a line end at the end of a file for what it is', () => {
    const proof = secret.proof('dialler', 'a', 'b');
    assert.equal(new LinkSecret('correct horse battery\n').verify('dialler', 'a', 'b', proof), true);
  });

  it('takes lines for several: proves the first, accepts each, and tells which was proved', () => {
    const before = new LinkSecret('the old secret of all');
    const during = new LinkSecret('the old secret of all\n the new secret of all \n\n');
    const after = new LinkSecret('the new secret of all');
    for (const other of [before, after]) {
      const proved = during.proved('dialler', 'a', 'b', other.proof('dialler', 'a', 'b'));
      assert.equal(proved?.proof('acceptor', 'a', 'b'), other.proof('acceptor', 'a', 'b'));
    }
    assert.equal(during.proof('dialler', 'a', 'b'), before.proof('dialler', 'a', 'b'));
    const stranger = new LinkSecret('some other secret').proof('dialler', 'a', 'b');
    assert.equal(during.proved('dialler', 'a', 'b', stranger), undefined);
  });

  it('takes bytes as they are', () => {
    const bytes = Buffer.from('lines of these bytes\nare no lines at all\n');
    const proof = new LinkSecret(bytes).proof('dialler', 'a', 'b');
    assert.equal(new LinkSecret(Uint8Array.from(bytes)).verify('dialler', 'a', 'b', proof), true);
    assert.equal(new LinkSecret(bytes.toString()).verify('dialler', 'a', 'b', proof), false);
  });

  it('refuses short secrets', () => {
    assert.throws(() => new LinkSecret('\n\n'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => new LinkSecret('sixteen bytes..!\nshort'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => new LinkSecret('fifteen bytes.!'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.ok(new LinkSecret('sixteen bytes..!'));
  });
});

describe('Challenges', () => {
  it('are taken once, and in time', () => {
    const clock = new VirtualClock();
    const challenges = new Challenges(clock);
    const first = challenges.issue();
    assert.equal(challenges.take(first), true);
    assert.equal(challenges.take(first), false, 'a second time');
    assert.equal(challenges.take(newNonce()), false, 'never issued');
    const late = challenges.issue();
    clock.advance(10_000);
    assert.equal(challenges.take(late), false, 'too late');
  });

  it('become void, oldest first, when too many are asked for', () => {
    const challenges = new Challenges(new VirtualClock());
    const first = challenges.issue();
    const second = challenges.issue();
    for (let i = 0; i < 1_023; i++) challenges.issue();
    assert.equal(challenges.take(first), false);
    assert.equal(challenges.take(second), true);
  });
});
