import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WSTUNNEL_ABANDONED_MAX, WSTUNNEL_IDS } from '../../limits.ts';
import { SentRequests, type Sent } from './sent-requests.ts';

const request = (): Sent => ({ messageId: -1 });

test('whatever is sent, given up and answered, each id has the request that a map would find', () => {
  const step = fc.record({ what: fc.constantFrom('add', 'abandon', 'answer'), which: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const sent = new SentRequests<Sent>();
      const model = new Map<number, Sent | null>();
      for (const { what, which } of steps) {
        const ids = [...model.keys()];
        const id = ids[which % ids.length];
        if (what === 'add') {
          const added = request();
          const given = sent.add(added);
          assert.ok(!model.has(given), 'an id that is taken is not given again');
          model.set(given, added);
        } else if (id === undefined) continue;
        else if (what === 'answer') {
          sent.delete(id);
          model.delete(id);
        } else {
          const one = model.get(id);
          if (one !== null && one !== undefined) sent.abandon(one);
          model.set(id, null);
        }
        for (const known of ids) assert.equal(sent.find(known), model.get(known) ?? null);
      }
    }),
  );
});

test('ids are counted on, and begin anew at the end', () => {
  const sent = new SentRequests<Sent>();
  for (let id = 1; id < WSTUNNEL_IDS; id++) {
    assert.equal(sent.add(request()), id);
    sent.delete(id);
  }
  assert.equal(sent.add(request()), 0);
});

test('an agent that never answers: the oldest that was given up is forgotten, those waited for are not', () => {
  const sent = new SentRequests<Sent>();
  const waiting = request();
  sent.add(waiting);
  const abandoned: number[] = [];
  for (let n = 0; n < 3 * WSTUNNEL_IDS; n++) {
    const one = request();
    abandoned.push(sent.add(one));
    sent.abandon(one);
  }
  assert.equal(sent.find(waiting.messageId), waiting);
  const latest = abandoned.slice(1 - WSTUNNEL_ABANDONED_MAX);
  assert.equal(new Set(latest).size, latest.length, 'the latest have ids of their own');
});

test('an id that was not given out finds nothing', () => {
  const sent = new SentRequests<Sent>();
  assert.equal(sent.find(7), null);
  sent.delete(7);
  sent.add(request());
  assert.equal(sent.find(7), null);
});
