import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OpenBacklog } from '../../../src/mux/open-backlog.js';

const never = new AbortController().signal;

describe('OpenBacklog', () => {
  it('lets one more go for each answer, in the order of asking', async () => {
    const backlog = new OpenBacklog(2);
    backlog.opened();
    assert.equal(backlog.free, true);
    backlog.opened();
    assert.equal(backlog.free, false);
    const order: number[] = [];
    const turns = [1, 2].map(async (n) => {
      await backlog.turn(never);
      backlog.opened();
      backlog.used();
      order.push(n);
    });
    backlog.answered();
    await turns[0];
    assert.deepEqual(order, [1]);
    backlog.answered();
    await turns[1];
    assert.deepEqual(order, [1, 2]);
    assert.equal(backlog.free, false);
  });

  it('a turn that is given up is passed on', async () => {
    const backlog = new OpenBacklog(1);
    backlog.opened();
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const first = backlog.turn(controller.signal);
    const second = backlog.turn(never);
    // Granted and given up in the same tick: nobody has used it yet.
    backlog.answered();
    controller.abort(reason);
    await assert.rejects(first, reason);
    await second;
  });

  it('who gave up before is skipped', async () => {
    const backlog = new OpenBacklog(1);
    backlog.opened();
    const controller = new AbortController();
    const first = backlog.turn(controller.signal);
    const second = backlog.turn(never);
    controller.abort(new Error('no more'));
    await assert.rejects(first, /no more/);
    backlog.answered();
    await second;
  });

  it('a turn that opened nothing is passed on', async () => {
    const backlog = new OpenBacklog(1);
    backlog.opened();
    const first = backlog.turn(never);
    const second = backlog.turn(never);
    backlog.answered();
    await first;
    assert.equal(backlog.free, false, 'somebody has the turn');
    backlog.used();
    await second;
  });

  it('a close lets everybody go', async () => {
    const backlog = new OpenBacklog(1);
    backlog.opened();
    const turns = [backlog.turn(never), backlog.turn(never)];
    backlog.close();
    await Promise.all(turns);
    assert.equal(backlog.free, true);
  });
});
