import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createEventLog } from '../../events/log.ts';
import { WSTUNNEL_REAP_MS, WSTUNNEL_TOKEN_IDLE_MS } from '../../limits.ts';
import { createRoutes } from '../../registry/routes.ts';
import type { NamedToken } from './named-token.ts';
import { createTokens } from './tokens.ts';
import type { Tunnel } from './tunnel.ts';

const token = 'a-token-that-somebody-came-with';
const listed: NamedToken = { name: 'fridge', token: 'the-token-of-the-fridge' };

/** On a clock that the test moves, as far as it moves the reaper. */
function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const routes = createRoutes('own.test');
  const host = { routes, domain: 'own.test', events: createEventLog() };
  const tokens = createTokens(host, [listed], true);
  t.after(() => tokens.close());
  return { routes, tokens, reap: () => t.mock.timers.tick(WSTUNNEL_REAP_MS) };
}

const longAgo = (): number => performance.now() - WSTUNNEL_TOKEN_IDLE_MS - 1;

test('a token that nobody has used for long is forgotten, and its route with it', (t) => {
  const { routes, tokens, reap } = start(t);
  const entry = tokens.admit(token, '10.0.0.1');
  reap();
  assert.equal(routes.byToken(token)?.service, entry.service);
  entry.activeAt = longAgo();
  reap();
  assert.equal(routes.byToken(token), null);
  assert.ok(!tokens.has(entry.service));
  assert.deepEqual(
    tokens.list().map(({ service }) => service),
    ['fridge'],
  );
  assert.equal(tokens.admit(token, '10.0.0.1').service, entry.service, 'and may come again');
});

test('one whose agent is there is not, nor one that the operator has named', (t) => {
  const { routes, tokens, reap } = start(t);
  const here = tokens.admit(token, '10.0.0.1');
  here.tunnels.set({ streams: 0 } as Tunnel, { peer: '10.0.0.1:1' });
  const named = tokens.admit(listed.token, '10.0.0.2');
  here.activeAt = named.activeAt = longAgo();
  reap();
  assert.ok(tokens.has(here.service) && tokens.has('fridge'));
  assert.equal(routes.byToken(listed.token)?.service, 'fridge');
});
