import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logfmtLine } from './reverst-logs.ts';

test('lines have time, level and message in front, and quotes where they are needed', () => {
  const line = JSON.stringify({
    level: 'info',
    time: '2026-01-02T03:04:05.678Z',
    addr: '127.0.0.1:7171',
    hosts: 'a.test b.test',
    count: 2,
    empty: '',
    forged: 'x" level=ERROR',
    pair: 'a=b',
    msg: 'QUIC tunnel listener starting...',
  });
  assert.equal(
    logfmtLine(`${line}\n`),
    'time=2026-01-02T03:04:05.678Z level=INFO msg="QUIC tunnel listener starting..." addr=127.0.0.1:7171 ' +
      'hosts="a.test b.test" count=2 empty="" forged="x\\" level=ERROR" pair="a=b"\n',
  );
});
