import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SallyportError, type ErrorCode } from '../../../errors.ts';
import type { QuicEnd } from '../../../transport/quic/user.ts';
import { isFinal, refusalOf } from './refusal.ts';

const closed: QuicEnd = {
  remote: true,
  timedOut: false,
  application: true,
  code: 0x1,
  reason: '',
};

const ends: [name: string, end: Partial<QuicEnd>, code: ErrorCode | null][] = [
  ['silence', { remote: false, timedOut: true, application: false }, 'HEARTBEAT_LOST'],
  ['an error of QUIC', { application: false, code: 0xa }, 'LINK_LOST'],
  ['a server that stops', { code: 0, reason: 'server closing down' }, null],
  ['an exchange that failed before', { reason: 'Connection closing' }, 'SESSION_CLOSED'],
  ['words that only begin like others', { reason: 'unauthorizedly' }, 'SESSION_CLOSED'],
  ['an error of HTTP/3', { code: 0x105, reason: 'frame' }, 'SESSION_CLOSED'],
];
for (const [name, end, code] of ends) {
  test(`${name}: ${code ?? 'nothing is wrong'}`, () => {
    assert.equal(refusalOf('web', { ...closed, ...end })?.code ?? null, code);
  });
}

test('what dialling again cannot mend is final, and what may mend itself is not', () => {
  const final = (code: ErrorCode) => isFinal(new SallyportError(code, 'x'));
  for (const code of ['AUTH_FAILED', 'SERVER_TLS', 'CONFIG_INVALID', 'QUIC_UNAVAILABLE'] as const)
    assert.equal(final(code), true, code);
  for (const code of ['SERVICE_UNKNOWN', 'SERVER_UNREACHABLE', 'HANDSHAKE_TIMEOUT'] as const)
    assert.equal(final(code), false, code);
});
