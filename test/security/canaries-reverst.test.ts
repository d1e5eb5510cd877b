/** T34 where reverst carries secrets: in groups files, token files and registrations. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import https from 'node:https';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { test } from 'node:test';
import { makeCertificate, temporaryFolder } from '../support/files.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { startServer, testToken } from '../support/tunnel.ts';

const canaries = {
  password: 'canary-of-the-password-of-a-group',
  token: 'canary-of-the-token-of-a-group',
  inFile: 'canary-of-a-token-in-a-file',
  wrong: 'canary-of-a-wrong-token-of-nobody',
  mistaken: 'canary-of-a-token-in-a-file-that-is-wrong',
};

const parts = Object.entries(canaries).flatMap(([what, secret]) => [
  [what, secret] as const,
  [`${what}, its end`, secret.slice(-20)] as const,
  [`${what} in base64`, Buffer.from(`bob:${secret}`).toString('base64').slice(8, -4)] as const,
]);

const host = 'localhost.test';
const groups = `groups:
  basic:
    hosts: [${host}]
    authentication: { type: basic, username: bob, password: ${canaries.password} }
  bearer:
    hosts: [b.test]
    authentication: { bearer: { token: ${canaries.token} } }
  path:
    hosts: [c.test]
    authentication: { bearer: { tokenPath: token } }
`;

test('T34: no credential of a group of reverst is in logs, events, lists and answers', async (t) => {
  const folder = temporaryFolder(t);
  const write = (name: string, text: string): void =>
    fs.writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  const { cert, key } = await makeCertificate(host);
  for (const [name, text] of [
    ['cert.pem', cert],
    ['key.pem', key],
    ['groups.yml', groups],
    ['token', canaries.inFile],
    ['server.yaml', configuration],
  ])
    write(name, text);
  const flags = ['--config', path.join(folder, 'server.yaml'), '--log-level', 'debug'];
  const server = await startServer(t, flags, { env: { SALLYPORT_TOKEN: undefined } });
  const quic = await server.program.logLine((line) => {
    const found = line.includes('QUIC is served') && /127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    return found || undefined;
  });
  const origin = await startOrigin(t);
  const where = ['-a', `127.0.0.1:${quic}`, '-n', host, '-c', 'cert.pem'];
  const told: Record<string, string> = {};
  const words = (...more: string[]): string[] => [
    'reverst',
    'http',
    ...where,
    ...more,
    String(origin.port),
  ];
  for (const [group, ...login] of [
    ['basic', '--username', 'bob', '--password', canaries.password],
    ['bearer', '--token', canaries.token],
    ['path', '--token', canaries.inFile],
  ]) {
    const client = startProgram(t, words('-g', group, ...login), { cwd: folder });
    await client.line((line) => line.includes(' msg=registered ') || undefined);
    told[`client of ${group}`] = client.out() + client.err();
  }
  const login = ['--username', 'bob', '--password', canaries.wrong];
  for (const group of ['basic', 'bearer']) {
    const refused = await runProgram(t, words('-g', group, ...login), { cwd: folder });
    told[`refused by ${group}`] = refused.out + refused.err;
  }
  startProgram(t, words(...login), { cwd: folder });
  await server.program.logLine((line) => line.includes('SERVICE_UNKNOWN') || undefined);
  write(
    'groups.yml',
    groups.replace('password:', 'pasword:').replace(canaries.token, canaries.mistaken),
  );
  await server.program.logLine((line) => line.includes('groups stay') || undefined);

  for (const list of ['agents', 'services', 'routes', 'streams', 'config', 'events/recent'])
    told[list] = await read(server.port, `/api/v1/${list}`);
  assert.equal(told.agents.match(/"protocol":"reverst"/g)?.length, 3, told.agents);
  await server.program.end('SIGTERM');
  told.output = server.program.out() + server.program.err();
  assert.ok(told.output.includes('reverst client came'));
  for (const [place, text] of Object.entries(told))
    for (const [what, secret] of parts)
      assert.ok(!text.includes(secret), `${what} stands in ${place}:\n${text}`);
});

const configuration = `compat: [reverst]
reverst_groups: groups.yml
quic_listen: 127.0.0.1:0
tls_cert: cert.pem
tls_key: key.pem
domain: server.test
request_events: all
identities:
  - {name: root, token: ${testToken}, roles: [admin], names: ["*"]}
`;

/** What the control API answers, over TLS with a certificate that nobody has to know. */
async function read(port: number, target: string): Promise<string> {
  const headers = { authorization: `Bearer ${testToken}` };
  const where = { host: '127.0.0.1', port, path: target, headers };
  const [response] = (await once(
    https.get({ ...where, rejectUnauthorized: false }),
    'response',
  )) as [IncomingMessage];
  assert.equal(response.statusCode, 200);
  return textOf(response);
}
