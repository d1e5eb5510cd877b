import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerNames } from './server-names.ts';

function namesOf(entries: Readonly<Record<string, string>>): ServerNames {
  const names = new ServerNames();
  for (const [name, service] of Object.entries(entries)) names.add(name, service);
  return names;
}

test('an exact name comes first, then the closest wildcard', () => {
  const names = namesOf({
    'app.example.com': 'exact',
    '*.example.com': 'wide',
    '*.eu.example.com': 'near',
  });
  const cases: [string, string | null][] = [
    ['app.example.com', 'exact'],
    ['other.example.com', 'wide'],
    ['a.b.example.com', 'wide'],
    ['a.eu.example.com', 'near'],
    ['a.b.eu.example.com', 'near'],
    ['eu.example.com', 'wide'],
    ['example.com', null],
    ['xexample.com', null],
    ['com', null],
    ['app.example.com.evil.test', null],
  ];
  for (const [name, service] of cases) assert.equal(names.find(name), service, name);
});

test('attack: another spelling of a name leads nowhere else', () => {
  const names = namesOf({ 'App.Example.com.': 'one' });
  for (const name of ['app.example.com', 'APP.EXAMPLE.COM', 'app.example.com.'])
    assert.equal(names.find(name), 'one', name);
  for (const name of [
    'app.example.com\0',
    'app.example.com\0.evil.test',
    'app%2eexample.com',
    ' app.example.com',
    'app..example.com',
    '*.example.com',
    '',
  ]) {
    assert.equal(names.find(name), null, JSON.stringify(name));
  }
  const wild = namesOf({ '*.example.com': 'wide' });
  for (const name of [
    '*.example.com',
    '.example.com',
    'a\0.example.com',
    'a .example.com',
    'a/.example.com',
  ])
    assert.equal(wild.find(name), null, name);
});

test('a name belongs to one service until its last claim is taken back', () => {
  const names = namesOf({ 'a.test': 'one' });
  assert.throws(() => names.add('A.test', 'two'), { code: 'HOST_TAKEN', message: /a\.test/ });
  names.add('a.test', 'one');
  names.remove('a.test', 'one');
  names.remove('a.test', 'two');
  assert.equal(names.find('a.test'), 'one', 'claimed twice, taken back once');
  names.remove('A.TEST', 'one');
  assert.equal(names.find('a.test'), null);
  names.add('a.test', 'two');
  assert.equal(names.find('a.test'), 'two');
});

test('refuses what no client may name', () => {
  for (const name of [
    '',
    '*',
    '*.',
    '*.*.a.test',
    'a.*.test',
    '127.0.0.1',
    '[::1]',
    '*.127.0.0.1',
    'a b',
    'a:443',
    'a/b',
  ]) {
    assert.throws(
      () => new ServerNames().add(name, 'one'),
      { code: 'USAGE', message: /not a host name/ },
      name,
    );
  }
});
