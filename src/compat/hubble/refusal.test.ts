import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError } from '../../errors.ts';
import { refusalError, refusalText } from './refusal.ts';

test("the originals' words and those of Go become named errors", () => {
  const cases = {
    Unauthorized: 'DENIED',
    'Authorization error.': 'DENIED',
    'Gateway not registered': 'SERVICE_UNKNOWN',
    'gateway not registered': 'SERVICE_UNKNOWN',
    'dial tcp 127.0.0.1:1: getsockopt: connection refused': 'TARGET_REFUSED',
    'dial tcp 10.0.0.1:22: i/o timeout': 'TARGET_TIMEOUT',
    'dial tcp: lookup nowhere: no such host': 'TARGET_UNREACHABLE',
    '': 'TARGET_UNREACHABLE',
  };
  for (const [text, code] of Object.entries(cases))
    assert.equal(refusalError(text).code, code, text);
});

test('codes of our own agents are kept, but none that only the server could say', () => {
  const error = new SallyportError('TARGET_DENIED', 'target "h:1": no rule');
  const back = refusalError(refusalText(error));
  assert.deepEqual([back.code, back.message], [error.code, error.message]);
  assert.equal(refusalError('AUTH_FAILED: go and log in').code, 'TARGET_UNREACHABLE');
});

test('nothing of a refusal can move a cursor', () => {
  for (const text of ['\u001b[2J', 'TARGET_REFUSED: \u001b[2J'])
    assert.ok(!refusalError(text).message.includes('\u001b'));
});
