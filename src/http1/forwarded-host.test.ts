import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../errors.ts';
import { forwardedHost } from './forwarded-host.ts';
import { RequestHead } from './request-head.ts';

function hostIn(...lines: string[]): string | null {
  const text = ['GET / HTTP/1.1', 'Host: own.test', ...lines, '', ''].join('\r\n');
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  assert.equal(head.parse(bytes, 0, bytes.length), bytes.length);
  return forwardedHost(head.fields, bytes, 0);
}

test('the host has one spelling, and no port', () => {
  assert.equal(hostIn(), null);
  assert.equal(hostIn('X-Forwarded-Host:'), null);
  for (const written of ['a.test', 'A.Test', 'a.test:8443', 'a.test.', ' a.test ', 'A.TEST.:1'])
    assert.equal(hostIn(`X-Forwarded-Host: ${written}`), 'a.test', written);
  assert.equal(hostIn('X-Forwarded-Host: [2001:DB8::0:1]:80'), '2001:db8::1');
});

test('spoofing: what a client wrote in front of the proxy does not count', () => {
  assert.equal(hostIn('X-Forwarded-Host: evil.test, a.test'), 'a.test');
  assert.equal(hostIn('X-Forwarded-Host: evil.test', 'X-Forwarded-Host: a.test'), 'a.test');
  assert.equal(hostIn('X-Forwarded-Host: "evil.test, a.test'), 'a.test');
});

test('what is no host is refused', () => {
  for (const written of ['a.test/b', 'user@a.test', 'a.test:port', 'a..test', '127.1', '"a.test"'])
    assert.throws(
      () => hostIn(`X-Forwarded-Host: ${written}`),
      (thrown) => thrown instanceof SallyportError && thrown.code === 'REQUEST_INVALID',
      written,
    );
});
