import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange, ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { manifest } from '../support/manifest.ts';
import { startServer, startService, testToken } from '../support/tunnel.ts';

test('the server answers for its own health and version, on hosts that no service holds', async (t) => {
  const origin = await startOrigin(t);
  const server = await startServer(t);
  await startService(t, server, ['http', origin.address, '--name', 'web']);
  const { port } = server;
  assert.equal((await ask({ port, path: '/healthz' })).status, 200);
  assert.equal((await ask({ port, path: '/readyz' })).status, 200);
  assert.ok((await ask({ port, path: '/version' })).text.includes(manifest.version));
  const ofService = await ask({ port, host: 'web.localhost', path: '/healthz' });
  assert.equal(ofService.text, 'the origin knows no such path', 'the path is the service’s own');
});

test('the attach door refuses with a status and a reason before any upgrade', async (t) => {
  const { port } = await startServer(t);
  const knock = (...fields: string[]): Promise<string> => {
    const upgrade = [
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
    ];
    const key = [
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol: sallyport.v1',
    ];
    const lines = ['GET /api/v1/attach HTTP/1.1', 'Host: localhost', ...upgrade, ...key, ...fields];
    return exchange(port, `${lines.join('\r\n')}\r\n\r\n`);
  };
  const known = `Authorization: Bearer ${testToken}`;
  assert.match(await knock(), /^HTTP\/1\.1 401 [^]*AUTH_REQUIRED/);
  const wrong = 'Authorization: Bearer sp_wrong-token-wrong-token';
  assert.match(await knock(wrong), /^HTTP\/1\.1 401 [^]*AUTH_FAILED/);
  assert.match(await knock(wrong, known), /^HTTP\/1\.1 400 /, 'two credentials at once');
  assert.match(await knock(known, 'Origin: http://evil.test'), /^HTTP\/1\.1 403 /, 'a web page');
  const plain = `GET /api/v1/attach HTTP/1.1\r\nHost: localhost\r\n${known}\r\nConnection: close\r\n\r\n`;
  assert.match(await exchange(port, plain), /^HTTP\/1\.1 4\d\d /, 'no upgrade asked for');
});
