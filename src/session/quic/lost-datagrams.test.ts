import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { REPLY_SEED, SessionEnd } from '../../../test/conformance/session-pair.ts';
import { connectQuic } from '../../../test/support/quic-sessions.ts';
import { QuicSession } from './session.ts';

/** By then everything that has arrived is acknowledged: an acknowledgement may wait for 25 ms. */
const QUIET_MS = 100;

test('an end whose datagram is lost comes all the same, also when the other direction ends meanwhile', async (t) => {
  const pair = await connectQuic(t);
  const near = new SessionEnd();
  const far = new SessionEnd();
  near.session = new QuicSession(pair.client, near);
  far.session = new QuicSession(pair.server, far);
  for (let round = 0; round < 8; round++) {
    const here = near.open();
    await here.push(here.stream.id, 500, false);
    const there = await far.at(here.stream.id);
    await there.push(REPLY_SEED, 1_000, false);
    await Promise.all([here.has(1_000), there.has(500)]);
    await pause(QUIET_MS);
    pair.relay.loseNext();
    there.stream.end();
    here.stream.end();
    await Promise.all([here.ended(), there.ended()]);
  }
  assert.deepEqual([near.session.streams, far.session.streams], [0, 0]);
});
