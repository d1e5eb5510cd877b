import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../errors.ts';
import { createRoutes, type RouteKey, type Routes } from './routes.ts';

/** The service that gets a request, by precedence; null for nobody. */
function serviceOf(routes: Routes, host: string, path: string): string | null {
  const bytes = Buffer.from(path);
  const query = bytes.indexOf('?');
  const end = query === -1 ? bytes.length : query;
  const held = routes.byHost(host);
  const places = held ?? [routes.ownPaths(host)];
  for (const place of places) {
    const route = place?.match(bytes, 0, end) ?? null;
    if (route !== null) return route.service;
  }
  return null;
}

function routesOf(...keys: [RouteKey, string][]): Routes {
  const routes = createRoutes('own.test');
  for (const [key, service] of keys) routes.add(key, { service });
  return routes;
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof SallyportError && error.code === code;
}

test('exact host, then wildcards from the longest suffix on', () => {
  const routes = routesOf(
    [{ host: 'a.b.test' }, 'exact'],
    [{ host: '*.b.test' }, 'near'],
    [{ host: '*.test' }, 'far'],
  );
  assert.equal(serviceOf(routes, 'a.b.test', '/'), 'exact');
  assert.equal(serviceOf(routes, 'x.b.test', '/'), 'near');
  assert.equal(serviceOf(routes, 'y.x.b.test', '/'), 'near');
  assert.equal(serviceOf(routes, 'b.test', '/'), 'far');
  assert.equal(serviceOf(routes, 'test', '/'), null);
  assert.equal(serviceOf(routes, 'xb.test', '/'), 'far');
  assert.equal(serviceOf(routes, 'a.b.test.evil', '/'), null);
});

test('the longest path prefix wins, by whole segments', () => {
  const routes = routesOf(
    [{ host: 'a.test', path: '/api' }, 'api'],
    [{ host: 'a.test', path: '/api/v2/' }, 'v2'],
    [{ host: 'a.test' }, 'rest'],
  );
  for (const path of ['/api', '/api/', '/api/x', '/api?x', '/api/v20', '/api//v2']) {
    assert.equal(serviceOf(routes, 'a.test', path), 'api', path);
  }
  for (const path of ['/api/v2', '/api/v2/x'])
    assert.equal(serviceOf(routes, 'a.test', path), 'v2');
  for (const path of ['/', '/apix', '/API', '/%61pi', '//api', '/x/../api', '/.', '*', '']) {
    assert.equal(serviceOf(routes, 'a.test', path), 'rest', path);
  }
});

test('a held host does not fall through to the server, but to wildcards', () => {
  const routes = routesOf(
    [{ host: 'a.b.test', path: '/api' }, 'api'],
    [{ host: '*.b.test', path: '/wild' }, 'wild'],
    [{ path: '/own' }, 'own'],
  );
  assert.equal(serviceOf(routes, 'a.b.test', '/wild/x'), 'wild');
  assert.equal(serviceOf(routes, 'a.b.test', '/own'), null);
  assert.equal(serviceOf(routes, 'own.test', '/own/x'), 'own');
  assert.equal(serviceOf(routes, '127.0.0.1', '/own'), 'own');
  assert.equal(serviceOf(routes, '', '/own'), 'own');
  assert.equal(serviceOf(routes, 'absent.own.test', '/own'), null);
  assert.equal(serviceOf(routes, 'own.test', '/'), null);
});

test('T27: hosts are held under their canonical name', () => {
  for (const host of ['BÜCHER.test', 'bücher.test.', 'xn--bcher-kva.TEST']) {
    const routes = routesOf([{ host }, 'books']);
    assert.equal(serviceOf(routes, 'xn--bcher-kva.test', '/'), 'books', host);
  }
});

test('what another service holds cannot be taken', () => {
  const routes = routesOf(
    [{ host: 'a.test', path: '/x' }, 'a'],
    [{ host: '*.a.test' }, 'a'],
    [{ path: '/p' }, 'a'],
    [{ token: 'sixteen-letters!'.replace('!', 's') }, 'a'],
  );
  for (const key of [
    { host: 'A.test.', path: '/x/' },
    { host: '*.A.test' },
    { path: '/p' },
    { token: 'sixteen-letterss' },
  ]) {
    assert.throws(() => routes.add(key, { service: 'b' }), refusal('HOST_TAKEN'));
  }
  routes.add({ host: 'a.test', path: '/y' }, { service: 'b' });
  assert.equal(serviceOf(routes, 'a.test', '/y'), 'b');
});

test('the domain and everything below it at once are reserved', () => {
  for (const host of ['own.test', 'OWN.test.', '*.own.test']) {
    assert.throws(() => routesOf([{ host }, 'a']), refusal('HOST_RESERVED'));
  }
  assert.equal(serviceOf(routesOf([{ host: 'a.own.test' }, 'a']), 'a.own.test', '/'), 'a');
});

test('what is no host, path, token or rewritten host is refused', () => {
  for (const key of [
    {},
    { path: '/' },
    { host: 'a b' },
    { host: '*' },
    { host: '*.*.test' },
    { host: 'a.*.test' },
    { host: 'a/b' },
    { host: '' },
    { path: 'x' },
    { path: '/a?b' },
    { path: '/a#b' },
    { path: '/a\\b' },
    { path: '/a/../b' },
    { path: '//a' },
    { path: '/a//b' },
    { path: '/a b' },
    { token: 'short' },
    { token: 'fifteen-letters' },
    { token: 'with a space-and-more' },
    { token: 'with-ümlaut-and-more' },
  ]) {
    assert.throws(() => routesOf([key, 'a']), refusal('USAGE'), JSON.stringify(key));
  }
  for (const rewriteHost of ['', 'a\r\nX: y', 'a b', 'u@a', 'a:99999']) {
    const routes = createRoutes('own.test');
    assert.throws(
      () => routes.add({ host: 'a.test' }, { service: 'a', rewriteHost }),
      refusal('USAGE'),
    );
  }
});

test('a route is there until all who added it have taken it away, and the newest counts', () => {
  const routes = createRoutes('own.test');
  const versions = [routes.version];
  const first = routes.add({ host: 'a.test' }, { service: 'a', rewriteHost: 'one.test' });
  versions.push(routes.version);
  const second = routes.add({ host: 'a.test' }, { service: 'a', rewriteHost: 'two.test' });
  const hostLine = (): string | undefined =>
    routes.byHost('a.test')?.[0].whole?.hostLine?.toString();
  assert.equal(hostLine(), 'Host: two.test\r\n');
  second();
  versions.push(routes.version);
  assert.equal(hostLine(), 'Host: one.test\r\n');
  first();
  versions.push(routes.version);
  assert.equal(routes.byHost('a.test'), null);
  first();
  assert.equal(new Set(versions).size, versions.length, 'each change shows');
  routes.add({ host: 'a.test' }, { service: 'b' });
  assert.equal(serviceOf(routes, 'a.test', '/'), 'b');
});

test('taking an old route away twice leaves a new one alone', () => {
  const routes = createRoutes('own.test');
  const old = routes.add({ host: 'a.test' }, { service: 'a' });
  old();
  routes.add({ host: 'a.test' }, { service: 'b' });
  old();
  assert.equal(serviceOf(routes, 'a.test', '/'), 'b');
});

test('a token leads to its service, and nothing like it does', () => {
  const routes = routesOf([{ token: 'AbcdefghijklmnoP' }, 'a']);
  assert.equal(routes.byToken('AbcdefghijklmnoP')?.service, 'a');
  for (const other of ['abcdefghijklmnop', 'AbcdefghijklmnoP1', 'AbcdefghijklmnoP ', '', 'short']) {
    assert.equal(routes.byToken(other), null);
  }
});

test('all routes are listed: how they match, and nothing of a token', () => {
  const routes = createRoutes('example.test');
  routes.add({ host: 'App.example.org', path: '/api' }, { service: 'api' });
  routes.add({ host: '*.example.net' }, { service: 'web' });
  routes.add({ path: '/own' }, { service: 'own' });
  const remove = routes.add({ token: 'a-token-of-16-or-more' }, { service: 'secret' });
  assert.deepEqual(routes.list(), [
    { by: 'host', host: 'app.example.org', path: '/api', service: 'api' },
    { by: 'host', host: '*.example.net', path: '/', service: 'web' },
    { by: 'path', host: null, path: '/own', service: 'own' },
    { by: 'token', host: null, path: '/', service: 'secret' },
  ]);
  remove();
  assert.equal(routes.list().length, 3);
});
