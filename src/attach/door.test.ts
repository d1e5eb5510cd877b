import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../errors.ts';
import { checkAttach, type AttachRequest } from './door.ts';

const right: AttachRequest = {
  method: 'GET',
  upgrade: 'websocket',
  webSocketKey: 'dGhlIHNhbXBsZSBub25jZQ==',
  webSocketVersion: '13',
  webSocketProtocol: 'sallyport.v1',
  origin: null,
};

describe('admitted', () => {
  const requests: [string, Partial<AttachRequest>][] = [
    ['an upgrade as agents and consumers ask for it', {}],
    ['an upgrade in capitals', { upgrade: 'WebSocket' }],
    ['several protocols, ours among them', { webSocketProtocol: 'chat,sallyport.v1 , other' }],
  ];
  for (const [name, changed] of requests) {
    test(name, () => {
      assert.equal(checkAttach({ ...right, ...changed }), right.webSocketKey);
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
    [
      'cross-site hijacking: a web page, whatever its credentials',
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
        () => checkAttach({ ...right, ...changed }),
        (thrown: Error & { code: string }) => {
          assert.equal(thrown.code, code);
          assert.match(thrown.message, message);
          return true;
        },
      );
    });
  }
});
