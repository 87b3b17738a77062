import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestLog } from './support.js';

describe('the budget of a log', () => {
  it('counts the cursors behind the events, which grow with the pods that publish', () => {
    const test = new TestLog({ limits: { budgetBytes: 20_000 } });
    const held = (): number => test.log.history('a').length;
    for (let n = 1; n <= 500; n++) test.append('rrrrrrrr', n, 'a');
    const ofOne = held();
    assert.ok(ofOne > 100, `${ofOne}`);
    for (let n = 1; n <= 500; n++) test.append(`q${String(n % 50).padStart(7, '0')}`, Math.ceil(n / 50), 'a');
    const ofMany = held();
    const cursor = test.log.cursor('a').length;
    assert.ok(cursor > 500 && ofMany * cursor < 20_000, `${ofMany} events with cursors of ${cursor}`);
    assert.ok(ofMany > 5, `${ofMany}`);
  });
});
