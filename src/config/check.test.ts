import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directory, write } from '../../test/support/options.ts';
import { checkConfig } from './check.ts';
import { formatProblem } from './problem.ts';
import type { FileKind } from './schema.ts';

async function check(yaml: string, wanted?: FileKind) {
  write('f.yaml', yaml);
  const { kind, problems } = await checkConfig('f.yaml', wanted, directory);
  return {
    kind,
    problems: problems.map((problem) => formatProblem(problem).replaceAll(`${directory}/`, '')),
  };
}

const kinds: readonly [string, FileKind | null][] = [
  ['listen: 1\n', 'server'],
  ['token: x\ndomain: y\n', 'server'],
  ['lisen: 1\n', 'server'],
  ['services: []\n', 'agent'],
  ['serivces: []\n', 'agent'],
  ['server: ws://x\ntoken: y\n', 'agent'],
  ['token: x\n', null],
  ['', null],
];
for (const [yaml, kind] of kinds) {
  test(`${JSON.stringify(yaml)} is for ${kind ?? 'either'}`, async () =>
    assert.equal((await check(yaml)).kind, kind));
}

test('a file that does not tell what it is for asks for --for, and takes its word', async () => {
  assert.deepEqual((await check('token: x\n')).problems, [
    'f.yaml: could be for a server or for an agent; say which with --for server or --for agent',
  ]);
  assert.deepEqual(await check('token: x\n', 'server'), { kind: 'server', problems: [] });
});

test('a full server file is good', async () => {
  write('cert', 'x');
  const yaml = `
listen: 8080
domain: tunnel.example.com
public_url: https://tunnel.example.com
tcp_ports: 20000-20099,30000
tls_cert: cert
tls_key: cert
tls_passthrough_listen: ":8443"
trusted_proxies: [10.0.0.0/8, "::1"]
proxy_protocol_from: 10.0.0.1
balance: least-streams
response_timeout: 30s
drain_grace: 0s
access_log: no
heartbeat: 1s
log_level: warn
log_format: json
identities:
  - name: ci
    token_hash: sha256:${'a'.repeat(64)}
    roles: agent
    names: ["ci-*"]
    hosts: ["*.ci.example.com"]
    ports: [20000-20009, 20050]
  - {name: ops, token: sp_x, roles: [agent, consumer], names: "*", targets: "10.0.0.0/8:22"}
`;
  assert.deepEqual(await check(yaml), { kind: 'server', problems: [] });
});

test('a full agent file is good', async () => {
  const yaml = `
server: wss://tunnel.example.com/base
token: sp_x
keep_trying: true
health_listen: 9000
services:
  - name: web
    http: https://127.0.0.1:8443
    insecure_target: true
    host: ["*.example.com", shop.example.com]
    path: /shop
    rendezvous_token: 0123456789abcdef
    auth: user:pass
    rewrite_host: localhost:3000
    exclusive: latest
    allow: 10.0.0.0/8:22,80-90
  - {name: box, tcp: "unix:/run/box.sock", port: 0, sni: box.example.com, proxy_protocol: v2, balance: round-robin}
`;
  assert.deepEqual(await check(yaml), { kind: 'agent', problems: [] });
});

const web = 'services:\n  - name: web\n    http: 3000\n';
const wrong: readonly [string, string][] = [
  // Unknown, empty and repeated keys.
  ['lisen: 1\n', 'f.yaml:1:1: lisen: is no option here; did you mean listen?'],
  ['listen: 1\nwhatever: 1\n', 'f.yaml:2:1: whatever: is no option here; remove it'],
  [
    'listen: 1\ntoken_fiel: x\n',
    'f.yaml:2:1: token_fiel: is no option here; did you mean token_file?',
  ],
  ['listen:\n', 'f.yaml:1:8: listen: has no value; write one, or remove the key'],
  [
    'listen: 1\nlisten: 2\n',
    'f.yaml:2:1: is not valid YAML: the same key stands here twice; keep one of them',
  ],
  ['listen: 1\njson: true\n', 'f.yaml:2:1: json: is for the command line only; remove it'],
  [
    'listen: 1\nconfig: other.yaml\n',
    'f.yaml:2:1: config: is for the command line only; remove it',
  ],
  ['listen: 1\ntls-cert: x\n', 'f.yaml:2:1: tls-cert: is no option here; did you mean tls_cert?'],
  // Wrong shapes.
  ['listen: [1]\n', 'f.yaml:1:9: listen: must be one value, not a list'],
  ['listen: {port: 1}\n', 'f.yaml:1:9: listen: must be one value, not keys and values'],
  [
    'listen: 1\ntrusted_proxies: {a: b}\n',
    'f.yaml:2:18: trusted_proxies: must be a list; begin each entry with a hyphen',
  ],
  [
    'listen: 1\nidentities: x\n',
    'f.yaml:2:13: identities: must be a list; begin each entry with a hyphen',
  ],
  ['services:\n  - web\n', 'f.yaml:2:5: services[0]: must be keys and values'],
  ['services: []\n', 'f.yaml:1:11: services: names no service; add one'],
  ['server: ws://x\n', 'f.yaml:1:1: services: is missing; add the key'],
  // Values.
  [
    'listen: 1\naudit_types: [stream.*, cleint.*]\n',
    'f.yaml:2:25: audit_types[1]: is no type of event; did you mean client.*?',
  ],
  [
    'listen: 1\nheartbeat: 5\n',
    'f.yaml:2:12: heartbeat: must be a duration, not "5"; add the unit: 5s',
  ],
  ['listen: 1\nheartbeat: 1ms\n', 'f.yaml:2:12: heartbeat: is 1ms; choose between 100ms and 1h'],
  ['listen: 1\naccess_log: maybe\n', 'f.yaml:2:13: access_log: must be true or false, not "maybe"'],
  [
    'listen: 1\nlog_level: warning\n',
    'f.yaml:2:12: log_level: must be one of debug, info, warn, error, silent, not "warning"',
  ],
  [
    'listen: 1\nlog_format: jsn\n',
    'f.yaml:2:13: log_format: must be one of auto, pretty, json, not "jsn"; did you mean json?',
  ],
  ['listen: 127.0.0.1:x\n', 'f.yaml:1:9: listen: listen address "127.0.0.1:x"'],
  ['listen: ${PORT}\n', 'f.yaml:1:9: listen: listen address "${PORT}"'],
  [
    'listen: 1\ndomain: http://x\n',
    'f.yaml:2:9: domain: must be a host name or an IP address without port, not "http://x"',
  ],
  [
    'listen: 1\npublic_url: https://x/path\n',
    'f.yaml:2:13: public_url: must end after the host and port: https://x',
  ],
  ['listen: 1\ntcp_ports: 9-1\n', 'f.yaml:2:12: tcp_ports: ports "9-1"'],
  [
    'listen: 1\ntls_cert: nowhere.pem\ntls_key: nowhere.pem\n',
    'f.yaml:2:11: tls_cert: nowhere.pem: there is no such file; correct the path',
  ],
  [
    'listen: 1\ntrusted_proxies:\n  - 10.0.0.0/8\n  - 10.0.0.0/33\n',
    'f.yaml:4:5: trusted_proxies[1]: address block "10.0.0.0/33"',
  ],
  [
    'server: ftp://x\n',
    'f.yaml:1:9: server: must be a URL such as wss://tunnel.example.com or ws://127.0.0.1:8080',
  ],
  [
    'server: ws://u:p@x\n',
    'f.yaml:1:9: server: must not hold credentials; give them with --token or --token-file',
  ],
  ['server: ws://x?token=y\n', 'f.yaml:1:9: server: must end before the query or fragment: ws://x'],
  // Services.
  ['services:\n  - http: 3000\n', 'f.yaml:2:5: services[0].name: is missing; add the key'],
  [
    'services:\n  - name: a b\n    http: 1\n',
    'f.yaml:2:11: services[0].name: must be 1 to 128 letters, digits, dots, underscores or hyphens, not "a b"',
  ],
  [
    'services:\n  - name: a\n',
    'f.yaml:2:5: services[0]: must have exactly one of the keys http and tcp, which name the target',
  ],
  [
    'services:\n  - {name: a, http: 1, tcp: 2}\n',
    'f.yaml:2:5: services[0]: must have exactly one of the keys http and tcp, which name the target',
  ],
  [
    `${web}    port: 1\n`,
    'f.yaml:4:11: services[0].port: means nothing for a service of kind http; remove it',
  ],
  [
    'services:\n  - {name: a, tcp: 1, path: /x}\n',
    'f.yaml:2:29: services[0].path: means nothing for a service of kind tcp; remove it',
  ],
  [
    `${web}  - name: web\n    tcp: 22\n`,
    'f.yaml:4:11: services[1].name: is the name of services[0] too; choose another',
  ],
  [`${web}    hsot: x\n`, 'f.yaml:4:5: services[0].hsot: is no option here; did you mean host?'],
  [
    `${web}    host: "a b"\n`,
    'f.yaml:4:11: services[0].host[0]: must be a host name such as app.example.com or *.example.com, not "a b"',
  ],
  [
    `${web}    host: [a.example, "*"]\n`,
    'f.yaml:4:23: services[0].host[1]: must be a host name such as app.example.com or *.example.com, not "*"',
  ],
  [`${web}    path: x\n`, 'f.yaml:4:11: services[0].path: must begin with a slash, not be "x"'],
  [
    `${web}    path: /a/../b\n`,
    'f.yaml:4:11: services[0].path: must not hold . or .. segments; write the path that is meant',
  ],
  [
    `${web}    auth: nobody\n`,
    'f.yaml:4:11: services[0].auth: consumer password: it needs a user and a password',
  ],
  [
    'services:\n  - {name: a, http: "http://x/path"}\n',
    'f.yaml:2:21: services[0].http: target "http://x/path": it has a path',
  ],
  [
    'services:\n  - {name: a, tcp: "https://x"}\n',
    'f.yaml:2:20: services[0].tcp: a TCP service passes bytes as they are; write HOST:PORT without https',
  ],
  [
    `${web}    allow: "10.0.0.0/8"\n`,
    'f.yaml:4:12: services[0].allow[0]: allow rule "10.0.0.0/8": write HOST:PORTS',
  ],
];
for (const [yaml, expected] of wrong) {
  test(`refused: ${expected.slice(0, 70)}`, async () => {
    const { problems } = await check(yaml);
    assert.ok(
      problems.some((problem) => problem.startsWith(expected)),
      problems.join('\n'),
    );
  });
}

test('all problems of a file are listed, from top to bottom', async () => {
  const { problems } = await check(
    'heartbeat: 5\nlisten: x\ntls_cert: nowhere\ndomian: y\nidentities: []\n',
  );
  const lines = problems.map((problem) => /^f\.yaml:(\d+):/.exec(problem)?.[1]);
  assert.deepEqual(lines, ['1', '2', '3', '4', '5']);
});

test('a file that cannot be read is a problem with its name', async () => {
  const { problems } = await checkConfig('nowhere.yaml', undefined, directory);
  assert.deepEqual(problems.map(formatProblem), [
    'nowhere.yaml: there is no such file; correct the path',
  ]);
  assert.match(
    (await checkConfig('.', undefined, directory)).problems[0].message,
    /that is a directory/,
  );
});

test('a file larger than a configuration can be is refused', async () => {
  const { problems } = await check(`# ${'x'.repeat(1_100_000)}\n`);
  assert.match(problems[0], /^f\.yaml: is larger than the 1048576 bytes that make sense/);
});
