import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../../errors.ts';
import { distinctRules, parseHubbleRule } from './rule.ts';

const parse = (text: string) => parseHubbleRule(text, '127.0.0.1');
const listen = (port: number) => ({ host: '127.0.0.1', port });

test('rules of every form', () => {
  const cases = [
    ['2222:agent2:127.0.0.1:22', 2222, null, 'agent2', { host: '127.0.0.1', port: 22 }],
    ['0:agent2:db.internal:5432', 0, null, 'agent2', { host: 'db.internal', port: 5432 }],
    ['1:k@g:h:2', 1, 'k', 'g', { host: 'h', port: 2 }],
    ['1:a:b@c:d@g:h:2', 1, 'a:b@c:d', 'g', { host: 'h', port: 2 }],
    ['1:gate way:h:2', 1, null, 'gate way', { host: 'h', port: 2 }],
    ['1:g:[::1]:2', 1, null, 'g', { host: '::1', port: 2 }],
    ['1:web:0.0.0.0:0', 1, null, 'web', null],
  ] as const;
  for (const [text, port, key, service, target] of cases)
    assert.deepEqual(parse(text), { listen: listen(port), key, service, target }, text);
});

test('broken rules are refused without crashing, and without their key', () => {
  for (const text of [
    '',
    ':',
    'rule',
    '2222',
    '2222:agent2',
    '2222:agent2:22',
    'x2222:agent2:127.0.0.1:22',
    '2222:agent2:127.0.0.1:22 ',
    ' 2222:agent2:127.0.0.1:22',
    '65536:agent2:127.0.0.1:22',
    '2222:agent2:127.0.0.1:65536',
    '2222:agent2:127.0.0.1:99999999999999999999',
    '2222:agent2:::1:22',
    '2222::127.0.0.1:22',
    '2222:@agent2:127.0.0.1:22',
    '2222:agent2:127.1:22',
    '2222:agent2:a b:22',
    '2222:age\nnt2:127.0.0.1:22',
    '2222:topsecret@agent2:127.0.0.1:x',
    `2222:${'k'.repeat(257)}@agent2:127.0.0.1:22`,
    `2222:${'g'.repeat(129)}:127.0.0.1:22`,
  ]) {
    assert.throws(
      () => parse(text),
      (error: unknown) =>
        error instanceof SallyportError &&
        error.code === 'USAGE' &&
        !error.message.includes('topsecret'),
      text,
    );
  }
  assert.throws(() => parse('70000:g:h:1'), /Invalid port 70000/);
});

test('any text is a rule or a usage error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      try {
        parse(text);
      } catch (error) {
        assert.equal((error as SallyportError).code, 'USAGE');
      }
    }),
  );
});

test('a rule that repeats another but for its key is dropped', () => {
  const rules = ['1:g:h:2', '1:key@g:h:2', '1:g:h:3', '0:g:h:2', '0:g:h:2'].map(parse);
  assert.deepEqual(distinctRules(rules), [rules[0], rules[2], rules[3]]);
});
