/** A machine for which there is no QUIC library: everything else works, and it is said why this does not. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram } from '../support/program.ts';
import { startClient, startServer, startService, tokenInEnvironment } from '../support/tunnel.ts';

const patience = { timeout: 90_000 };
const unavailable =
  /quic: unavailable on this platform: the optional package @matrixai\/quic is not installed/;

/** The environment of programs that do not find the library. */
function withoutLibrary(t: TestContext): Record<string, string> {
  const hook = temporaryFile(
    t,
    'without-quic.mjs',
    `import { registerHooks } from 'node:module';
registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith('@matrixai/')) return next(specifier, context);
    throw new Error("Cannot find module '" + specifier + "'");
  },
});
`,
  );
  return { NODE_OPTIONS: `--import=${hook}` };
}

test('server, agent and doctor without the library for QUIC', patience, async (t) => {
  const env = withoutLibrary(t);
  const { cert, key } = await makeCertificate('localhost', 'web.localhost', '127.0.0.1');
  const ca = temporaryFile(t, 'cert.pem', cert);
  const files = ['--tls-cert', ca, '--tls-key', temporaryFile(t, 'key.pem', key)];
  const server = await startServer(t, [...files, '--quic-listen', '127.0.0.1:0'], { env });
  assert.match(server.program.err(), /QUIC is not served/);
  assert.match(server.program.err(), unavailable);

  const origin = await startOrigin(t);
  const url = `https://127.0.0.1:${server.port}`;
  const way = ['--server', url, '--ca', ca, '--quic', `127.0.0.1:${server.port}`];
  const agent = await startService(t, server, ['http', origin.address, '--name', 'web', ...way], {
    env,
  });
  assert.match(agent.program.err(), unavailable);
  const reply = await ask({ port: server.port, host: 'web.localhost', path: '/whoami', ca: cert });
  assert.equal(reply.text, 'origin');

  const wrong = startClient(t, server, ['http', '3000', '--name', 'two', ...way], {
    env: { ...env, SALLYPORT_TOKEN: 'sp_wrong-token-wrong-token' },
  });
  assert.equal((await wrong.ended()).code, 3, wrong.err());
  assert.match(wrong.err(), /AUTH_FAILED/);

  const alone = startClient(
    t,
    server,
    ['http', '3000', '--name', 'two', ...way, '--transport', 'quic'],
    {
      env,
    },
  );
  assert.equal((await alone.ended()).code, 5, 'it does not dial for ever');
  assert.match(alone.err(), unavailable);

  const doctor = await runProgram(t, ['doctor', url, ...way.slice(2)], {
    env: { ...tokenInEnvironment, ...env },
  });
  assert.match(doctor.out, /^ok +WebSocket/m);
  assert.match(doctor.out, new RegExp(`^FAILED +QUIC +${unavailable.source}`, 'm'));

  const reverst = await runProgram(t, ['reverst', 'http', '-n', 'localhost', '3000'], { env });
  assert.equal(reverst.code, 5);
  assert.match(reverst.err, unavailable);
});
