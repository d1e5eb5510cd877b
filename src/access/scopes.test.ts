import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIdentities } from './identities.ts';
import { allScopes, type Identity, type Scopes } from './identity.ts';
import { mayConsume, mayRegister } from './scopes.ts';
import { isServiceName } from './service-name.ts';

function identity(scopes: Scopes): Identity {
  return createIdentities([{ name: 'ci', token: 'secret', ...scopes }]).authenticate(
    'Bearer secret',
  )!;
}

const agent = identity({
  roles: ['agent'],
  names: ['dev-*', 'box'],
  hosts: ['*.Dev.example.com', 'shop.example.'],
  ports: ['22000-22010', '9000'],
});
const consumer = identity({
  roles: ['consumer'],
  names: ['dev-*'],
  targets: ['10.0.0.0/8:22', '*.internal:80'],
});

describe('mayRegister', () => {
  const allowed = [
    { name: 'dev-a' },
    { name: 'box', hosts: ['a.dev.example.com', 'SHOP.example'] },
    { name: 'box', hosts: ['*.dev.example.com', '*.x.dev.example.com'] },
    { name: 'box', port: 22_005 },
    { name: 'box', port: 0 },
  ];
  for (const registration of allowed) {
    test(JSON.stringify(registration), () => assert.equal(mayRegister(agent, registration), null));
  }

  const denied: [Parameters<typeof mayRegister>[1], string][] = [
    [{ name: 'boxx' }, 'register service "boxx": the token of "ci" allows the names dev-* box'],
    [
      { name: 'box', hosts: ['a.dev.example.com', 'evil.com'] },
      'claim host "evil.com": the token of "ci" allows the hosts *.dev.example.com shop.example',
    ],
    [
      { name: 'box', hosts: ['*.example.com'] },
      'claim host "*.example.com": the token of "ci" allows the hosts *.dev.example.com shop.example',
    ],
    [
      { name: 'box', hosts: ['*.*.dev.example.com'] },
      'claim host "*.*.dev.example.com": the token of "ci" allows the hosts *.dev.example.com shop.example',
    ],
    [
      { name: 'box', hosts: ['u@a.dev.example.com'] },
      'claim host "u@a.dev.example.com": the token of "ci" allows the hosts *.dev.example.com shop.example',
    ],
    [
      { name: 'box', port: 22 },
      'open port 22: the token of "ci" allows the ports 9000,22000-22010',
    ],
  ];
  for (const [registration, message] of denied) {
    test(`not ${JSON.stringify(registration)}`, () => {
      const error = mayRegister(agent, registration);
      assert.deepEqual([error?.code, error?.message], ['DENIED', message]);
    });
  }

  test('what is not listed is not allowed', () => {
    const bare = identity({ roles: ['agent', 'consumer'] });
    assert.match(mayRegister(bare, { name: 'box' })!.message, /has no names$/);
    const named = identity({ roles: ['agent', 'consumer'], names: ['*'] });
    assert.match(mayRegister(named, { name: 'box', hosts: ['a.b'] })!.message, /has no hosts$/);
    assert.match(mayRegister(named, { name: 'box', port: 0 })!.message, /has no ports$/);
    assert.match(
      mayConsume(named, 'box', { host: '10.0.0.1', port: 22 })!.message,
      /has no targets$/,
    );
  });

  test('a consumer is no agent, and an agent no consumer', () => {
    assert.equal(
      mayRegister(consumer, { name: 'dev-a' })!.message,
      'act as agent: the token of "ci" allows the roles consumer',
    );
    assert.equal(
      mayConsume(agent, 'dev-a', null)!.message,
      'act as consumer: the token of "ci" allows the roles agent',
    );
  });
});

describe('mayConsume', () => {
  test('a service by name, at its own target', () => {
    assert.equal(mayConsume(consumer, 'dev-a', null), null);
    assert.equal(mayConsume(consumer, 'box', null)!.code, 'DENIED');
  });

  test('a target of the consumer, by its own rules', () => {
    const at = (host: string, port: number) =>
      mayConsume(consumer, 'dev-a', { host, port })?.message ?? null;
    assert.equal(at('10.0.0.1', 22), null);
    assert.equal(at('a.internal', 80), null);
    assert.equal(
      at('10.0.0.1', 23),
      'reach target "10.0.0.1:23": the token of "ci" allows the targets 10.0.0.0/8:22 *.internal:80',
    );
    assert.match(at('2130706433', 22)!, /^reach target/);
    assert.match(at('::ffff:10.0.0.1', 22)!, /^reach target/);
  });

  test('the right service does not make a foreign target right, nor the other way round', () => {
    assert.notEqual(mayConsume(consumer, 'box', { host: '10.0.0.1', port: 22 }), null);
    assert.notEqual(mayConsume(consumer, 'dev-a', { host: '127.0.0.1', port: 22 }), null);
  });
});

test('all scopes allow everything', () => {
  const all = identity(allScopes);
  assert.equal(mayRegister(all, { name: 'x', hosts: ['a.b', '*.b'], port: 1 }), null);
  assert.equal(mayConsume(all, 'x', { host: '169.254.169.254', port: 80 }), null);
  assert.equal(mayConsume(all, 'x', { host: 'name', port: 80 }), null);
});

test('names of services', () => {
  for (const name of ['a', 'box-1', 'A.b_c', 'x'.repeat(128)])
    assert.equal(isServiceName(name), true, name);
  for (const name of ['', 'a b', 'a/b', 'a\n', 'é', 'a@b', 'a:b', 'x'.repeat(129), '\u001b[2J'])
    assert.equal(isServiceName(name), false, name);
});
