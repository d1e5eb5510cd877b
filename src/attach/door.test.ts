import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createIdentities } from '../access/identities.ts';
import { allScopes } from '../access/identity.ts';
import type { ErrorCode } from '../errors.ts';
import { admit, type AttachRequest } from './door.ts';

const token = 'sp_canary-of-the-door-tests';
const identities = createIdentities([{ name: 'ann', token, ...allScopes }]);
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

const right: AttachRequest = {
  method: 'GET',
  upgrade: 'websocket',
  authorization: `Bearer ${token}`,
  webSocketKey: 'dGhlIHNhbXBsZSBub25jZQ==',
  webSocketVersion: '13',
  webSocketProtocol: 'sallyport.v1',
  origin: null,
};

describe('admitted', () => {
  const requests: [string, Partial<AttachRequest>][] = [
    ['a bearer token', {}],
    ['the token as the password of the identity', { authorization: basic(`ann:${token}`) }],
    ['an upgrade in capitals', { upgrade: 'WebSocket' }],
    ['several protocols, ours among them', { webSocketProtocol: 'chat,sallyport.v1 , other' }],
  ];
  for (const [name, changed] of requests) {
    test(name, () => {
      const { identity, key } = admit({ ...right, ...changed }, identities);
      assert.deepEqual([identity.name, key], ['ann', right.webSocketKey]);
    });
  }
});

describe('refused', () => {
  const requests: [string, Partial<AttachRequest>, ErrorCode, RegExp][] = [
    ['another method', { method: 'POST' }, 'REQUEST_INVALID', /upgrades only/],
    ['no upgrade', { upgrade: null }, 'REQUEST_INVALID', /upgrades only/],
    ['an upgrade to something else', { upgrade: 'h2c' }, 'REQUEST_INVALID', /upgrades only/],
    ['several upgrades', { upgrade: 'websocket, h2c' }, 'REQUEST_INVALID', /upgrades only/],
    ['no version', { webSocketVersion: null }, 'REQUEST_INVALID', /must be 13/],
    ['an old version', { webSocketVersion: '8' }, 'REQUEST_INVALID', /must be 13/],
    ['two versions', { webSocketVersion: '13, 8' }, 'REQUEST_INVALID', /must be 13/],
    ['no key', { webSocketKey: null }, 'REQUEST_INVALID', /Sec-WebSocket-Key/],
    ['a short key', { webSocketKey: 'c2hvcnQ=' }, 'REQUEST_INVALID', /Sec-WebSocket-Key/],
    [
      'a key with a line end',
      { webSocketKey: 'dGhlIHNhbXBsZSBub25j\r\n==' },
      'REQUEST_INVALID',
      /Sec-WebSocket-Key/,
    ],
    ['no protocol', { webSocketProtocol: null }, 'VERSION_UNSUPPORTED', /sallyport\.v1/],
    [
      'other protocols only',
      { webSocketProtocol: 'sallyport.v2, Sallyport.v1' },
      'VERSION_UNSUPPORTED',
      /sallyport\.v1/,
    ],
    ['no credentials', { authorization: null }, 'AUTH_REQUIRED', /no credentials/],
    ['an empty token', { authorization: 'Bearer ' }, 'AUTH_FAILED', /not known/],
    ['an unknown token', { authorization: `Bearer ${token}x` }, 'AUTH_FAILED', /not known/],
    ['another scheme', { authorization: `Digest ${token}` }, 'AUTH_FAILED', /not known/],
    [
      'two credentials at once',
      { authorization: `Bearer ${token}, Bearer ${token}` },
      'AUTH_FAILED',
      /not known/,
    ],
    [
      'the token under the name of somebody else',
      { authorization: basic(`bob:${token}`) },
      'AUTH_FAILED',
      /not known/,
    ],
    [
      'cross-site hijacking: a web page, though its token be right',
      { origin: 'https://evil.example' },
      'DENIED',
      /web pages/,
    ],
    ['a page without an origin of its own', { origin: 'null' }, 'DENIED', /web pages/],
    ['an empty origin', { origin: '' }, 'DENIED', /web pages/],
  ];
  for (const [name, changed, code, message] of requests) {
    test(name, () => {
      assert.throws(
        () => admit({ ...right, ...changed }, identities),
        (thrown: Error & { code: string }) => {
          assert.equal(thrown.code, code);
          assert.match(thrown.message, message);
          assert.ok(!thrown.message.includes(token), 'the token is not repeated');
          return true;
        },
      );
    });
  }
});
