import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { SallyportError } from '../../errors.ts';
import { parseProxy, proxyFromEnvironment, type Environment } from './proxy.ts';

describe('what can be written', () => {
  test('each scheme, its default port, and a bare HOST:PORT', () => {
    const shown = (text: string): string => {
      const { kind, host, port } = parseProxy(text);
      return `${kind} ${host} ${port}`;
    };
    assert.equal(shown('http://proxy.example'), 'http proxy.example 80');
    assert.equal(shown('https://proxy.example/'), 'https proxy.example 443');
    assert.equal(shown('socks5://10.0.0.1'), 'socks5 10.0.0.1 1080');
    assert.equal(shown('socks5h://[::1]:99'), 'socks5 ::1 99');
    assert.equal(shown('proxy.example:3128'), 'http proxy.example 3128');
    assert.equal(shown('HTTP://Proxy.Example.:3128'), 'http proxy.example 3128');
  });

  test('a login, with what stands for special characters', () => {
    assert.deepEqual(parseProxy('http://ann:p%40ss%3Aword@p:1').login, {
      user: 'ann',
      password: 'p@ss:word',
    });
    assert.deepEqual(parseProxy('socks5://ann@p').login, { user: 'ann', password: '' });
    assert.equal(parseProxy('http://p:1').login, null);
  });

  test('refused, without a word of the text', () => {
    const wrong = [
      '',
      'ftp://ann:hunter2@p',
      'http://ann:hunter2@p/path',
      'http://ann:hunter2@p?x',
      'http://ann:hunter2@p:0',
      'http://a%3Ann:hunter2@p',
      'http://ann:hunter2%0d%0a@p',
      'http://ann:hunter2%ff@p',
      'http://ann:hunter2@p:99999',
    ];
    for (const text of wrong) {
      assert.throws(
        () => parseProxy(text),
        (error: SallyportError) => error.code === 'USAGE' && !/hunter2|ann/.test(error.message),
        text,
      );
    }
  });

  test('whatever is written, it is read or refused by USAGE', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        try {
          const { host, port } = parseProxy(text);
          assert.ok(host !== '' && port > 0 && port < 65_536);
        } catch (thrown) {
          assert.equal((thrown as SallyportError).code, 'USAGE');
        }
      }),
    );
  });
});

describe('the environment', () => {
  const chosen = (env: Environment, host = 'tunnel.example', secure = true): string | undefined =>
    proxyFromEnvironment(env, { host, port: secure ? 443 : 80, secure })?.host;

  test('the variable of the scheme before that for all, lower case before capitals', () => {
    assert.equal(chosen({}), undefined);
    assert.equal(chosen({ HTTPS_PROXY: 'b:1', https_proxy: 'a:1', all_proxy: 'c:1' }), 'a');
    assert.equal(chosen({ HTTPS_PROXY: 'b:1', all_proxy: 'c:1' }), 'b');
    assert.equal(chosen({ http_proxy: 'd:1', ALL_PROXY: 'c:1' }), 'c');
    assert.equal(chosen({ http_proxy: 'd:1', https_proxy: 'a:1' }, 'tunnel.example', false), 'd');
    assert.equal(chosen({ https_proxy: ' ', HTTPS_PROXY: 'b:1' }), 'b');
  });

  test('one that cannot be read is named', () => {
    assert.throws(() => chosen({ https_proxy: 'ftp://x' }), {
      code: 'USAGE',
      message: /^https_proxy: /,
    });
  });

  test('no_proxy: names and what is below them, addresses, blocks, ports', () => {
    const exempt = (no_proxy: string, host?: string): boolean =>
      chosen({ https_proxy: 'a:1', no_proxy }, host) === undefined;
    assert.ok(exempt('*'));
    assert.ok(exempt('other, tunnel.example'));
    assert.ok(exempt('EXAMPLE'));
    assert.ok(exempt('.example') && exempt('*.example'));
    assert.ok(exempt('tunnel.example:443'));
    assert.ok(!exempt('tunnel.example:8443'));
    assert.ok(!exempt('nel.example') && !exempt('sub.tunnel.example') && !exempt(''));
    assert.ok(exempt('10.0.0.0/8', '10.1.2.3') && exempt('10.1.2.3', '10.1.2.3'));
    assert.ok(!exempt('10.0.0.0/8', '11.1.2.3') && !exempt('1.2.3', '10.1.2.3'));
    assert.ok(exempt('::1', '::1') && exempt('[::1]:443', '::1') && exempt('fd00::/8', 'fd00::5'));
    assert.ok(!exempt('[::1]:444', '::1'));
  });
});
