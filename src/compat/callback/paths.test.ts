import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { tunnelUrl } from './client-url.ts';
import { checkContextPath, findEndpoint, readId } from './paths.ts';

test('the endpoints, and what is none', () => {
  const tunnel = { kind: 'tunnel', list: 'connect', id: 'box' };
  assert.deepEqual(findEndpoint('/api/v1/connect/box'), tunnel);
  assert.deepEqual(findEndpoint('/api/v1/callback'), { kind: 'list', list: 'callback' });
  assert.deepEqual(findEndpoint('/api/v1/events/connect'), { kind: 'changes', list: 'connect' });
  for (const path of ['', '/', '/api/v1', '/api/v1/', '/api/v1/callback/', '/api/v1/callback/a/b'])
    assert.equal(findEndpoint(path), null, path);
  for (const path of ['/api/v1/events', '/api/v1/events/x', '/API/v1/callback', '/api/v1/attach'])
    assert.equal(findEndpoint(path), null, path);
});

test('what a client dials is what the server reads', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/);
  fc.assert(
    fc.property(id, (name) => {
      if (name === '.' || name === '..') return; // URLs have a meaning of their own for them
      const { pathname } = tunnelUrl('http://h:1', 'callback', name);
      const found = findEndpoint(pathname);
      assert.ok(found?.kind === 'tunnel');
      assert.equal(readId(found.id), name);
    }),
  );
});

test('any other segment is refused by name, and never thrown otherwise', () => {
  fc.assert(
    fc.property(fc.string(), (segment) => {
      try {
        assert.match(readId(segment), /^[A-Za-z0-9._-]{1,128}$/);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, 'NAME_INVALID');
      }
    }),
  );
});

test('where a client dials: schemes, context paths, and no credentials', () => {
  const dials = (server: string) => tunnelUrl(server, 'connect', 'box').href;
  assert.equal(dials('http://h'), 'ws://h/api/v1/connect/box');
  assert.equal(dials('https://h:444/cb/'), 'wss://h:444/cb/api/v1/connect/box');
  assert.equal(dials('ws://[::1]:8080/a/b?x#y'), 'ws://[::1]:8080/a/b/api/v1/connect/box');
  for (const wrong of ['h:8080', 'ftp://h', 'http://', 'x', 'http://user:secret@h'])
    assert.throws(() => dials(wrong), { code: 'USAGE' }, wrong);
  assert.throws(
    () => dials('http://user:secret@h'),
    (error: Error) => !/secret/.test(error.message),
  );
  assert.throws(() => tunnelUrl('http://h', 'connect', ''), { code: 'USAGE' });
});

test('context paths are plain', () => {
  for (const good of ['', '/cb', '/a/b-c_d.e~f']) checkContextPath(good);
  for (const bad of ['cb', '/', '/cb/', '/a//b', '/"x', '/a?b', '/%2f'])
    assert.throws(() => checkContextPath(bad), { code: 'CONFIG_INVALID' }, bad);
});
