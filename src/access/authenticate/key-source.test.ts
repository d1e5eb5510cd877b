import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startIssuer } from '../../../test/support/issuer.ts';
import {
  JWKS_COOLDOWN_MS,
  JWKS_FRESH_MS,
  JWKS_MAX_BYTES,
  JWKS_RETRY_MS,
  JWKS_STALE_MAX_MS,
} from '../../limits.ts';
import { createFetchedKeys } from './key-source.ts';

async function setUp(t: TestContext) {
  const issuer = await startIssuer(t);
  const troubles: string[] = [];
  const clock = { now: 1_000 };
  const source = createFetchedKeys({
    url: new URL(issuer.url),
    trouble: (why) => troubles.push(why),
    now: () => clock.now,
  });
  t.after(() => source.close());
  return { issuer, troubles, clock, source };
}

test('keys are fetched once, at the start, however many ask', async (t) => {
  const { issuer, source } = await setUp(t);
  const all = await Promise.all(Array.from({ length: 20 }, async () => source.keys()));
  assert.equal(new Set(all).size, 1);
  assert.equal(source.keys(), all[0], 'at once from then on');
  assert.equal(issuer.asked, 1);
});

test('keys that are no longer fresh are used while newer ones are fetched', async (t) => {
  const { issuer, source, clock } = await setUp(t);
  const first = await source.keys();
  await issuer.addKey('second');
  clock.now += JWKS_FRESH_MS;
  assert.equal(source.keys(), first);
  await issuer.until(2);
  const second = await source.newer(first);
  assert.notEqual(second, null);
  assert.equal(source.keys(), second);
  assert.equal(issuer.asked, 2);
});

test('flooding: tokens with unknown keys make the set be fetched once in a while only', async (t) => {
  const { issuer, source, clock } = await setUp(t);
  const keys = await source.keys();
  await Promise.all(Array.from({ length: 100 }, () => source.newer(keys)));
  assert.equal(issuer.asked, 1, 'it was fetched just now');
  clock.now += JWKS_COOLDOWN_MS;
  const answers = await Promise.all(Array.from({ length: 100 }, () => source.newer(keys)));
  assert.equal(issuer.asked, 2);
  assert.ok(
    answers.every((one) => one === null),
    'the same set is no newer one',
  );
  await issuer.addKey('second');
  clock.now += JWKS_COOLDOWN_MS;
  const newer = await Promise.all(Array.from({ length: 100 }, () => source.newer(keys)));
  assert.equal(issuer.asked, 3);
  assert.equal(new Set(newer).size, 1);
  assert.notEqual(newer[0], null);
});

test('old keys count while the set cannot be fetched, but not for ever', async (t) => {
  const { issuer, source, clock, troubles } = await setUp(t);
  const keys = await source.keys();
  issuer.answer = (_, response) => void response.writeHead(500).end();
  clock.now += JWKS_FRESH_MS;
  assert.equal(source.keys(), keys);
  assert.equal(await source.newer(keys), null, 'what is under way has failed');
  clock.now += JWKS_COOLDOWN_MS;
  assert.equal(await source.newer(keys), null);
  assert.equal(issuer.asked, 3);
  assert.match(troubles.join(), /status 500/);
  clock.now = 1_000 + JWKS_STALE_MAX_MS;
  await assert.rejects(async () => source.keys(), { code: 'AUTH_UNAVAILABLE' });
});

test('an issuer that is back is noticed within a moment', async (t) => {
  const { issuer, source, clock } = await setUp(t);
  issuer.answer = (_, response) => void response.writeHead(500).end();
  await assert.rejects(async () => source.keys(), { code: 'AUTH_UNAVAILABLE' });
  issuer.answer = null;
  await assert.rejects(async () => source.keys(), { code: 'AUTH_UNAVAILABLE' });
  assert.equal(issuer.asked, 1, 'not asked again at once');
  clock.now += JWKS_RETRY_MS;
  assert.notEqual(await source.keys(), null);
});

const answers: [string, string, RegExp][] = [
  ['is empty', '', /neither JSON nor PEM/],
  ['is a page', '<html>', /neither JSON nor PEM/],
  ['is no set', '[]', /no JSON Web Key Set/],
  ['is too long', ' '.repeat(JWKS_MAX_BYTES + 1), /more than/],
  [
    'holds too many keys',
    JSON.stringify({
      keys: Array.from({ length: 65 }, () => ({ kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) })),
    }),
    /more than 64 keys/,
  ],
];
for (const [what, body, why] of answers) {
  test(`a set that ${what} is not used, and the log hears why`, async (t) => {
    const { issuer, source, troubles } = await setUp(t);
    issuer.answer = (_, response) => void response.end(body);
    await assert.rejects(async () => source.keys(), { code: 'AUTH_UNAVAILABLE' });
    assert.match(troubles.join(), why);
  });
}

test('closed, it fetches nothing more', async (t) => {
  const { issuer, source, clock } = await setUp(t);
  const keys = await source.keys();
  source.close();
  clock.now += JWKS_FRESH_MS + JWKS_COOLDOWN_MS;
  assert.equal(await source.newer(keys), null);
  assert.equal(issuer.asked, 1);
});
