import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAllowList, type Lookup } from './allow.ts';

const never = new AbortController().signal;

/** A resolver that gives the answers in turn and counts how often it was asked. */
function answers(...turns: string[][]): Lookup & { asked: string[] } {
  const asked: string[] = [];
  const lookup: Lookup = async (host) => {
    asked.push(host);
    return turns[Math.min(asked.length, turns.length) - 1] ?? [];
  };
  return Object.assign(lookup, { asked });
}

describe('the rules', () => {
  const cases: [string, [string, number][], [string, number][]][] = [
    [
      '10.0.0.0/8:22',
      [['10.1.2.3', 22]],
      [
        ['10.1.2.3', 23],
        ['11.0.0.1', 22],
        ['box', 22],
        ['10.evil.example', 22],
      ],
    ],
    [
      '127.0.0.1:22',
      [['127.0.0.1', 22]],
      [
        ['127.0.0.2', 22],
        ['localhost', 22],
      ],
    ],
    [
      '[::1]:22',
      [
        ['::1', 22],
        ['[::1]', 22],
        ['0:0:0:0:0:0:0:1', 22],
      ],
      [['127.0.0.1', 22]],
    ],
    ['[fd00::/8]:*', [['fd12::1', 1]], [['fe80::1', 1]]],
    [
      '*.db.internal:5432',
      [
        ['a.db.internal', 5432],
        ['A.DB.INTERNAL.', 5432],
      ],
      [
        ['db.internal', 5432],
        ['a.db.internal.evil.example', 5432],
      ],
    ],
    [
      'Db.Internal.:80-90,443',
      [
        ['db.internal', 85],
        ['db.internal', 443],
      ],
      [
        ['db.internal', 91],
        ['x.db.internal', 80],
      ],
    ],
    [
      '*:22',
      [
        ['anything', 22],
        ['127.0.0.1', 22],
        ['::1', 22],
      ],
      [['anything', 23]],
    ],
    [
      '*.*:*',
      [['a.b', 1]],
      [
        ['127.0.0.1', 1],
        ['localhost', 1],
      ],
    ],
  ];
  for (const [rule, inside, outside] of cases) {
    test(rule, () => {
      const allow = createAllowList([rule]);
      for (const [host, port] of inside)
        assert.equal(allow.check(host, port), true, `${host}:${port}`);
      for (const [host, port] of outside)
        assert.equal(allow.check(host, port), false, `${host}:${port}`);
    });
  }

  test('no rule allows nothing', async () => {
    const allow = createAllowList([]);
    assert.equal(allow.check('127.0.0.1', 22), false);
    assert.equal(allow.checkAddress('127.0.0.1', 22), false);
    const lookup = answers(['127.0.0.1']);
    await assert.rejects(allow.resolveAllowed('localhost', 22, lookup, never), {
      code: 'TARGET_DENIED',
    });
    assert.deepEqual(lookup.asked, []);
  });

  test('refuses what is not a rule', () => {
    const texts = [
      '',
      'host',
      ':22',
      'host:',
      'host:0',
      'host:ssh',
      '10.0.0.0/33:22',
      '::1:22',
      '[::1]',
      '[::1]22',
      '[host]:22',
      'ho st:22',
      'u@h:22',
      '10.*:22',
      '192.168.*.*:22',
      '0x7f.1:22',
      '*.1:22',
      '[::ffff:0:0/95]:22',
      'a:b:c',
    ];
    for (const text of texts) assert.throws(() => createAllowList([text]), { code: 'USAGE' }, text);
  });
});

describe('odd spellings of 127.0.0.1 pass no rule', () => {
  const allow = createAllowList(['*:*', '127.0.0.1:*']);
  for (const host of [
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1.',
    '[::ffff:127.0.0.1]',
    '::ffff:7f00:1',
    '１２７.0.0.1',
    '127.0.0.1%00',
    '127.0.0.1\\',
    'u@127.0.0.1',
    '127.0.0.1#',
    '127.0.0.1/',
  ]) {
    test(host, async () => {
      assert.equal(allow.check(host, 22), false);
      const lookup = answers(['127.0.0.1']);
      await assert.rejects(allow.resolveAllowed(host, 22, lookup, never), {
        code: 'TARGET_DENIED',
      });
      assert.deepEqual(lookup.asked, []);
    });
  }
});

test('an address from a socket or a resolver is checked in either spelling', () => {
  const allow = createAllowList(['10.0.0.0/8:22']);
  assert.equal(allow.checkAddress('::ffff:10.0.0.1', 22), true);
  assert.equal(allow.checkAddress('::ffff:127.0.0.1', 22), false);
  assert.equal(createAllowList(['*:*']).checkAddress('localhost', 22), false);
});

describe('resolveAllowed', () => {
  test('DNS rebinding: the address that was checked is the one to dial, and nothing is asked twice', async () => {
    const lookup = answers(['10.0.0.1'], ['169.254.169.254']);
    const allow = createAllowList(['10.0.0.0/8:22']);
    assert.deepEqual(await allow.resolveAllowed('Box.', 22, lookup, never), {
      address: '10.0.0.1',
      port: 22,
    });
    assert.deepEqual(lookup.asked, ['box']);
  });

  test('takes the first allowed address and passes over the others', async () => {
    const lookup = answers(['169.254.169.254', 'nonsense', '::ffff:10.0.0.9', '10.0.0.1']);
    const allow = createAllowList(['10.0.0.0/8:22']);
    assert.deepEqual(await allow.resolveAllowed('box', 22, lookup, never), {
      address: '10.0.0.9',
      port: 22,
    });
  });

  test('a name that a name rule covers may resolve to anything', async () => {
    const allow = createAllowList(['10.0.0.0/8:22', '*.internal:22']);
    assert.deepEqual(await allow.resolveAllowed('a.internal', 22, answers(['192.0.2.1']), never), {
      address: '192.0.2.1',
      port: 22,
    });
  });

  test('an address is not resolved', async () => {
    const lookup = answers(['192.0.2.1']);
    const allow = createAllowList(['[::1]:22']);
    assert.deepEqual(await allow.resolveAllowed('[::1]', 22, lookup, never), {
      address: '::1',
      port: 22,
    });
    await assert.rejects(allow.resolveAllowed('10.0.0.1', 22, lookup, never), {
      code: 'TARGET_DENIED',
    });
    assert.deepEqual(lookup.asked, []);
  });

  test('a name is not resolved when no answer could be allowed', async () => {
    const lookup = answers(['10.0.0.1']);
    const allow = createAllowList(['*.internal:22', '10.0.0.0/8:80']);
    await assert.rejects(allow.resolveAllowed('box', 22, lookup, never), { code: 'TARGET_DENIED' });
    assert.deepEqual(lookup.asked, []);
  });

  test('the refusal names the target, and not the addresses behind it', async () => {
    const allow = createAllowList(['10.0.0.0/8:22']);
    await assert.rejects(allow.resolveAllowed('box', 22, answers(['192.168.7.7']), never), {
      code: 'TARGET_DENIED',
      message: 'target "box:22": no --allow rule of this service allows it',
    });
  });

  test('a name that does not resolve, or to nothing usable, is unreachable', async () => {
    const allow = createAllowList(['*:22']);
    const cause = new Error('ENOTFOUND');
    await assert.rejects(
      allow.resolveAllowed('box', 22, () => Promise.reject(cause), never),
      { code: 'TARGET_UNREACHABLE', cause },
    );
    await assert.rejects(allow.resolveAllowed('box', 22, answers([]), never), {
      code: 'TARGET_UNREACHABLE',
    });
    await assert.rejects(allow.resolveAllowed('box', 22, answers(['nonsense']), never), {
      code: 'TARGET_UNREACHABLE',
    });
  });

  test('an aborted lookup rejects with the reason of the signal', async () => {
    const allow = createAllowList(['*:22']);
    const reason = new Error('the consumer left');
    const abort = new AbortController();
    const pending = allow.resolveAllowed(
      'box',
      22,
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('cancelled'))),
        ),
      abort.signal,
    );
    abort.abort(reason);
    await assert.rejects(pending, reason);
    await assert.rejects(
      allow.resolveAllowed('box', 22, answers(['10.0.0.1']), abort.signal),
      reason,
    );
  });
});
