import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Http3Error } from './fault.ts';
import type { Field } from './field.ts';
import {
  isBodyless,
  readRequestHead,
  readResponseHead,
  readTrailers,
  requestSection,
  responseSection,
  type RequestHead,
} from './heads.ts';

const base: Field[] = [
  [':authority', 'flipt.dev.local:8181'],
  [':method', 'GET'],
  [':path', '/p?q=1'],
  [':scheme', 'https'],
];
const without = (name: string): Field[] => base.filter(([n]) => n !== name);
const replaced = (name: string, value: string): Field[] =>
  base.map(([n, v]) => [n, n === name ? value : v]);

function refused(section: Field[], why: RegExp): void {
  assert.throws(
    () => readRequestHead(section),
    (error: unknown) =>
      error instanceof Http3Error &&
      error.scope === 'stream' &&
      error.code === 'REQUEST_INVALID' &&
      error.h3 === 0x10e &&
      why.test(error.message),
    JSON.stringify(section),
  );
}

test('a request as the originals send it', () => {
  const head = readRequestHead([
    ...base,
    ['content-length', '5'],
    ['x-a', ' b\t'],
    ['te', 'trailers'],
  ]);
  assert.deepEqual(head, {
    method: 'GET',
    scheme: 'https',
    authority: 'flipt.dev.local:8181',
    path: '/p?q=1',
    fields: [
      ['x-a', 'b'],
      ['te', 'trailers'],
    ],
    contentLength: 5,
  });
});

test('pseudo-header fields: all, known, once, in front', () => {
  for (const name of [':method', ':path', ':scheme', ':authority']) {
    refused(without(name), new RegExp(name));
    refused([...base, [name, 'x']], /twice/);
    refused(replaced(name, ''), new RegExp(name));
  }
  refused([...base, [':status', '200']], /not known/);
  refused([...base, [':protocol', 'websocket']], /not known/);
  refused([...without(':path'), ['x-a', 'b'], [':path', '/']], /behind/);
});

test('methods, schemes, paths and authorities have their form', () => {
  refused(replaced(':method', 'GE T'), /:method/);
  refused(replaced(':scheme', '1https'), /:scheme/);
  for (const path of ['x', '*', '/a b', '/a#b', '/\x80', '/a\x7f'])
    refused(replaced(':path', path), /:path/);
  for (const host of ['user@a', 'a b', 'a:99999', '', 'a/b'])
    refused(replaced(':authority', host), /:authority/);
  const options = replaced(':method', 'OPTIONS').map(([n, v]): Field => [
    n,
    n === ':path' ? '*' : v,
  ]);
  assert.equal(readRequestHead(options).path, '*');
});

test('Host stands in for :authority, and must not differ from it', () => {
  assert.equal(readRequestHead([...without(':authority'), ['host', 'a.b']]).authority, 'a.b');
  const both = readRequestHead([...base, ['host', 'flipt.dev.local:8181']]);
  assert.deepEqual(both.fields, []);
  refused([...base, ['host', 'other']], /differ/);
  refused([...without(':authority'), ['host', 'a'], ['host', 'a']], /twice/);
});

test('CONNECT has an authority with a port and nothing else', () => {
  const connect: Field[] = [
    [':method', 'CONNECT'],
    [':authority', 'a.b:443'],
  ];
  assert.deepEqual(readRequestHead(connect), {
    method: 'CONNECT',
    scheme: '',
    path: '',
    authority: 'a.b:443',
    fields: [],
    contentLength: null,
  });
  refused([...connect, [':path', '/']], /CONNECT/);
  refused([...connect, [':scheme', 'https']], /CONNECT/);
  refused([connect[0], [':authority', 'a.b']], /CONNECT/);
});

test('field names are lower-case tokens, values have no controls', () => {
  for (const name of ['X-A', 'x a', '', 'x:a', 'x\0', 'x\x80'])
    refused([...base, [name, 'v']], /field name/);
  for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\x7fb', '\n'])
    refused([...base, ['x-a', value]], /control/);
  assert.deepEqual(readRequestHead([...base, ['x-a', 'a\tb\xff']]).fields, [['x-a', 'a\tb\xff']]);
});

test('fields of HTTP/1.1 connections, and te beside trailers, are refused in both', () => {
  for (const name of [
    'connection',
    'keep-alive',
    'proxy-connection',
    'transfer-encoding',
    'upgrade',
  ]) {
    refused([...base, [name, 'x']], /HTTP\/1\.1/);
    assert.throws(
      () =>
        readResponseHead([
          [':status', '200'],
          [name, 'x'],
        ]),
      /HTTP\/1\.1/,
    );
  }
  refused([...base, ['te', 'gzip']], /te says/);
  refused([...base, ['te', 'trailers, gzip']], /te says/);
  assert.throws(
    () =>
      readResponseHead([
        [':status', '200'],
        ['te', 'gzip'],
      ]),
    /te says/,
  );
});

test('content-length is a plain number, and only one', () => {
  for (const value of [
    '-1',
    '+1',
    '1,1',
    '1.0',
    '0x1',
    '',
    '99999999999999999',
    '9999999999999999',
  ])
    refused([...base, ['content-length', value]], /content-length/);
  refused([...base, ['content-length', '1'], ['content-length', '2']], /two values/);
  const twice = readRequestHead([...base, ['content-length', '1'], ['content-length', '1']]);
  assert.equal(twice.contentLength, 1);
});

test('pieces of a cookie become one field', () => {
  const head = readRequestHead([...base, ['cookie', 'a=1'], ['x-a', 'b'], ['cookie', 'c=2']]);
  assert.deepEqual(head.fields, [
    ['x-a', 'b'],
    ['cookie', 'a=1; c=2'],
  ]);
});

test('a response has one status of three digits, which is not 101', () => {
  const head = readResponseHead([
    [':status', '204'],
    ['x-a', 'b'],
  ]);
  assert.deepEqual(head, { status: 204, fields: [['x-a', 'b']], contentLength: null });
  const wrong: Field[][] = [
    [],
    [['x-a', 'b']],
    [[':status', '20']],
    [[':status', '2000']],
    [[':status', '099']],
    [[':status', '101']],
    [
      [':status', '200'],
      [':status', '200'],
    ],
    [
      [':status', '200'],
      [':path', '/'],
    ],
    [
      ['x-a', 'b'],
      [':status', '200'],
    ],
  ];
  for (const section of wrong)
    assert.throws(
      () => readResponseHead(section),
      (error: unknown) => error instanceof Http3Error && error.code === 'RESPONSE_INVALID',
      JSON.stringify(section),
    );
});

test('trailers are fields without pseudo-header fields', () => {
  assert.deepEqual(readTrailers('response', [['x-sum', '1']]), [['x-sum', '1']]);
  assert.throws(() => readTrailers('response', [[':status', '200']]), /pseudo/);
  assert.throws(() => readTrailers('request', [['connection', 'close']]), /HTTP\/1\.1/);
});

test('what goes out: lower case, without what concerns the connection before', () => {
  const head: RequestHead = {
    method: 'POST',
    scheme: 'https',
    authority: 'a.b',
    path: '/',
    fields: [
      ['Host', 'a.b'],
      ['Connection', 'close, X-Hop'],
      ['X-Hop', '1'],
      ['Keep-Alive', '5'],
      ['Transfer-Encoding', 'chunked'],
      ['Upgrade', 'h2c'],
      ['TE', 'gzip'],
      ['Content-Length', '9'],
      ['X-A', 'b'],
    ],
    contentLength: 3,
  };
  assert.deepEqual(requestSection(head), [
    [':method', 'POST'],
    [':authority', 'a.b'],
    [':scheme', 'https'],
    [':path', '/'],
    ['x-a', 'b'],
    ['content-length', '3'],
  ]);
  const response = responseSection({
    status: 200,
    fields: [['Connection', 'close']],
    contentLength: null,
  });
  assert.deepEqual(response, [[':status', '200']]);
});

test('what would be malformed is not sent', () => {
  const head: RequestHead = {
    method: 'GET',
    scheme: 'https',
    authority: 'a',
    path: '/',
    fields: [],
    contentLength: null,
  };
  assert.throws(() => requestSection({ ...head, path: 'x' }), /:path/);
  assert.throws(() => requestSection({ ...head, fields: [['x-a', 'a\r\nb']] }), /control/);
  assert.throws(() => requestSection({ ...head, fields: [['x-é', 'a']] }), /name/);
  assert.throws(() => requestSection({ ...head, fields: [['x-a', '€']] }), /control/);
  assert.throws(() => responseSection({ status: 101, fields: [], contentLength: null }), /101/);
});

test('who has no body', () => {
  assert.equal(isBodyless('HEAD', 200), true);
  for (const status of [100, 204, 304]) assert.equal(isBodyless('GET', status), true);
  assert.equal(isBodyless('GET', 200), false);
});
