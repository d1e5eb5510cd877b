/** X-Host lets whoever sends a request choose where it goes: only to what the regexp means, however it is written. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { createOriginPattern } from '../../src/agent/x-host/origin-pattern.ts';
import { parseOrigin } from '../../src/agent/x-host/origin.ts';
import { chooseTarget } from '../../src/compat/wstunnel/target-choice.ts';
import { SallyportError } from '../../src/errors.ts';
import { runClient } from '../support/wstunnel-client.ts';
import { playServer } from '../support/wstunnel-server.ts';

/** Forms that have led from an allowed host to another one; `trap` is `127.0.0.1:PORT`. */
const bypasses: readonly ((trap: string) => string)[] = [
  (trap) => `http://allowed.test@${trap}`,
  (trap) => `http://allowed.test:80@${trap}`,
  (trap) => `http://allowed.test%40${trap}`,
  (trap) => `http://${trap}#allowed.test`,
  (trap) => `http://${trap}/#http://allowed.test`,
  (trap) => `http://${trap}?allowed.test`,
  (trap) => `http://${trap}/?http://allowed.test`,
  (trap) => `http://${trap}/http://allowed.test`,
  (trap) => `http://${trap}\\@allowed.test`,
  (trap) => `http://${trap}\\.allowed.test`,
  (trap) => `http:\\\\${trap}`,
  (trap) => `http:/${trap}`,
  (trap) => `http:${trap}`,
  (trap) => `//${trap}`,
  (trap) => `http:///${trap}`,
  (trap) => `http://[::ffff:7f00:1]:${trap.split(':')[1]}`,
  (trap) => `http://[::ffff:127.0.0.1]:${trap.split(':')[1]}`,
  (trap) => `http://2130706433:${trap.split(':')[1]}`,
  (trap) => `http://0x7f000001:${trap.split(':')[1]}`,
  (trap) => `http://0177.0.0.1:${trap.split(':')[1]}`,
  (trap) => `http://127.1:${trap.split(':')[1]}`,
  (trap) => `http://127.0.0.1.:${trap.split(':')[1]}`,
  (trap) => `http://%31%32%37.0.0.1:${trap.split(':')[1]}`,
  (trap) => `http://①②⑦.0.0.1:${trap.split(':')[1]}`,
  (trap) => `http://allowed.test\thttp://${trap}`,
  (trap) => `http://allowed.test, http://${trap}`,
  (trap) => `ftp://${trap}`,
  (trap) => `http://${trap}/`,
  (trap) => `http://${trap.split(':')[0]}:0${trap.split(':')[1]}`,
];

describe('forms that are no plain origin', () => {
  // Even where the operator allows everything: an allowed form would be matched by a looser regexp.
  const choice = { server: null, allowed: createOriginPattern('.*') };

  for (const form of bypasses) {
    const value = form('127.0.0.1:8080');
    test(`${JSON.stringify(value)} is refused`, () => {
      const chosen = chooseTarget(choice, value);
      assert.ok(!(chosen instanceof URL));
      assert.equal(chosen.status, 403);
    });
  }

  test('over the wire: 403 for each, and nobody dials the trap', async (t) => {
    let dials = 0;
    const trap = createServer((_, response) => response.end('trapped')).listen(0, '127.0.0.1');
    trap.on('connection', () => dials++);
    t.after(() => trap.close());
    await once(trap, 'listening');
    const { port } = trap.address() as AddressInfo;
    const server = await playServer(t);
    const regexp = 'http://(allowed\\.test|127\\.0\\.0\\.1:1).*';
    await runClient(t, server, { regexp }).connected();
    for (const [index, form] of bypasses.entries()) {
      const value = Buffer.from(form(`127.0.0.1:${port}`));
      const request = Buffer.concat([
        Buffer.from('GET / HTTP/1.1\r\nHost: h\r\nX-Host: '),
        value,
        Buffer.from('\r\n\r\n'),
      ]);
      const id = (index + 1).toString(16).padStart(4, '0');
      assert.match(await server.ask(id, request), /^HTTP\/1\.1 403 /, String(value));
    }
    assert.equal(dials, 0);
  });

  test('two X-Host fields are not chosen from', async (t) => {
    const server = await playServer(t);
    await runClient(t, server, { regexp: '.*' }).connected();
    const two = 'X-Host: http://a.test\r\nX-Host: http://b.test\r\n';
    const answer = await server.ask('0001', `GET / HTTP/1.1\r\nHost: h\r\n${two}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
  });
});

describe('the regexps of the README of the original', () => {
  const oneDomain = createOriginPattern('https://.*\\.some\\.example\\.com');
  const twoHosts = createOriginPattern('http://(www\\.example\\.com|blog\\.example\\.com)');
  const asked = (allowed: typeof oneDomain, value: string): string => {
    const chosen = chooseTarget({ server: null, allowed }, value);
    return chosen instanceof URL ? chosen.origin : String(chosen.status);
  };

  test('let through what they mean', () => {
    const www = 'https://www.some.example.com';
    assert.equal(asked(oneDomain, www), www);
    assert.equal(asked(twoHosts, 'http://blog.example.com'), 'http://blog.example.com');
  });

  for (const value of [
    'https://169.254.169.254/x.some.example.com',
    'https://evil.test/?a.some.example.com',
    'https://u:p@evil.test#.some.example.com',
    'https://evil.test\\.some.example.com',
    'https://evil.test:443.some.example.com',
    'https://www.some.example.com.evil.test',
    'https://www.some.example.com:8443',
    'http://www.some.example.com',
  ])
    test(`and not ${JSON.stringify(value)}, which the first of them matches, or nearly`, () => {
      assert.equal(asked(oneDomain, value), '403');
    });

  test('and not a longer name that begins with an allowed one', () => {
    assert.equal(asked(twoHosts, 'http://www.example.com.evil.test'), '403');
    assert.equal(asked(twoHosts, 'http://wwwXexample.com'), '403');
  });
});

describe('what is allowed', () => {
  test('plain origins, in capitals and with a default port too', () => {
    for (const [value, origin] of [
      ['http://a.test', 'http://a.test'],
      ['http://A.Test:8080', 'http://a.test:8080'],
      ['https://a.test:443', 'https://a.test'],
      ['http://10.0.0.1:80', 'http://10.0.0.1'],
      ['http://[::1]:8080', 'http://[::1]:8080'],
      ['http://under_score.test', 'http://under_score.test'],
    ])
      assert.equal(parseOrigin(value)?.origin, origin, value);
    assert.equal(parseOrigin(`http://${'a'.repeat(400)}`), null);
  });

  test('the first match of the regexp is the whole value, as in the original', () => {
    const pattern = createOriginPattern('http://a|http://ab');
    assert.ok(pattern.matches('http://a'));
    assert.ok(!pattern.matches('http://ab'));
    assert.ok(!createOriginPattern('a\\.test').matches('http://a.test'));
    assert.ok(createOriginPattern('(?i)HTTP://A').matches('http://a'));
    assert.ok(createOriginPattern('\\Ahttp://(?P<name>[a-z]{1,9})\\z').matches('http://abc'));
  });

  test('a regexp that means something else here, or is none, is refused', () => {
    for (const source of ['http://[[:alpha:]]', '\\Qa.b\\E', '\\pL', '(?U)a', '(', 'a(?i:b)'])
      assert.throws(
        () => createOriginPattern(source),
        (thrown) => thrown instanceof SallyportError && thrown.code === 'USAGE',
        source,
      );
  });

  test('a regexp that would take for ever has not matched within 50 ms', () => {
    const pattern = createOriginPattern('^(a|a)*$');
    assert.ok(!pattern.matches('aaaa!'));
    // The quickest of a few: what else the machine does is no matter.
    const took = Array.from({ length: 5 }, () => {
      const began = performance.now();
      assert.ok(!pattern.matches(`${'a'.repeat(60)}!`));
      return performance.now() - began;
    });
    assert.ok(Math.min(...took) < 50, `${took.join(', ')} ms`);
    assert.ok(pattern.matches('aaaa'));
  });
});
