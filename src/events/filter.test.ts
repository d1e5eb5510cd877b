import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SallyportEvent } from './event.ts';
import { createEventFilter } from './filter.ts';

const head = { seq: 1, time: 0 } as const;
const up: SallyportEvent = {
  ...head,
  type: 'service.up',
  service: 'shop-web',
  kind: 'http',
  session: 's1',
  identity: 'ann',
  urls: [],
};
const draining: SallyportEvent = { ...head, type: 'server.draining', graceMs: 0 };
const nobody: SallyportEvent = {
  ...head,
  type: 'auth.failed',
  door: 'attach',
  service: null,
  peer: '127.0.0.1:1',
  reason: 'wrong token',
};

test('without a list everything passes', () => {
  for (const event of [up, draining, nobody]) assert.ok(createEventFilter()(event));
});

test('of one list one glob is enough; every list that is given has to have one', () => {
  assert.ok(createEventFilter({ types: ['client.*', 'service.*'] })(up));
  assert.ok(!createEventFilter({ types: ['client.*'] })(up));
  assert.ok(createEventFilter({ services: ['shop-*'], identities: ['ann'] })(up));
  assert.ok(!createEventFilter({ services: ['shop-*'], identities: ['bob'] })(up));
});

test('an event that names no service passes no list of services, not even one of everything', () => {
  for (const event of [draining, nobody]) {
    assert.ok(!createEventFilter({ services: ['*'] })(event));
    assert.ok(!createEventFilter({ identities: ['*'] })(event));
  }
});

test('an empty list lets nothing through', () => {
  assert.ok(!createEventFilter({ types: [] })(up));
});
