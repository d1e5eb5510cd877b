/** `sallyport policy test`: how a policy decides, line by line. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFile } from '../support/files.ts';
import { startService } from '../support/policies.ts';
import { runProgram } from '../support/program.ts';

const rules = `token: sp_token-of-the-policy-command
identities:
  - name: ann
    token: sp_token-of-ann-of-the-policy-command
    roles: [consumer]
    names: ['db-*']
    targets: ['10.0.0.0/8:*']
  - name: robot
    token: sp_token-of-the-robot-of-the-policy-command
    roles: [agent]
    names: [web]
policy:
  - rules:
      - name: agents
        actions: register
        effect: allow
      - services: db-*
        targets: [own, '10.0.0.0/8:5432']
        who: '*'
        effect: ask
`;

function writePolicy(t: TestContext, script: string): string {
  const lua = temporaryFile(t, 'access.lua', script);
  return temporaryFile(t, 'server.yaml', `${rules}  - lua: ${lua}\n`);
}

const byKey = `function connect(request)
  if request:key() == "right" then return true end
  return false, "not with the key " .. request:key()
end`;

test('each step is a line, the exit code is the decision', async (t) => {
  const file = writePolicy(t, byKey);
  const asked = ['policy', 'test', file, '--action', 'connect', '--service', 'db-1'];
  const ann = [...asked, '--identity', 'ann', '--target', '10.0.0.1:5432'];
  const allowed = await runProgram(t, ann, { env: { SALLYPORT_KEY: 'right' } });
  assert.deepEqual([allowed.code, allowed.err], [0, '']);
  assert.deepEqual(allowed.out.split('\n'), [
    `${'scopes of "ann"'.padEnd(27)}  cover it`,
    'policy[0].rules[0] "agents"  does not match: action connect is none of register',
    'policy[0].rules[1]           matches and asks on',
    'policy[1] access.lua         allows it',
    'allowed: policy[1] access.lua allows it',
    '',
  ]);

  const denied = await runProgram(t, [...ann, '--key', 'CANARY']);
  assert.equal(denied.code, 3);
  assert.match(denied.out, /^denied: policy\[1\] access\.lua denies it: not with the key \*\*\*$/m);
  assert.doesNotMatch(denied.out + denied.err, /CANARY/);

  const nobody = await runProgram(t, asked);
  assert.equal(nobody.code, 3);
  assert.match(
    nobody.out,
    /^policy\[0\]\.rules\[1\] .*does not match: nobody has said who it is$/m,
  );
  assert.match(nobody.out, /^denied: no rule of policy\[0\] matches$/m);
});

test('as JSON', async (t) => {
  const file = writePolicy(t, byKey);
  const words = ['--action', 'register', '--service', 'web', '--identity', 'robot', '--json'];
  const { code, out } = await runProgram(t, ['policy', 'test', file, ...words]);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    allow: true,
    reason: 'policy[0].rules[0] "agents" allows it',
    steps: [
      { place: 'scopes of "robot"', outcome: 'cover it' },
      { place: 'policy[0].rules[0] "agents"', outcome: 'matches and allows it' },
    ],
  });
});

test('scopes come first: what they do not cover is not asked about', async (t) => {
  const file = writePolicy(t, 'error("asked")');
  const cases = [
    ['connect', 'web', 'ann'],
    ['register', 'db-1', 'robot'],
    ['control', 'kick-client', 'ann'],
    ['http', 'web', 'robot'],
  ];
  for (const [action, service, identity] of cases) {
    const words = ['--action', action, '--service', service, '--identity', identity];
    const { code, out } = await runProgram(t, ['policy', 'test', file, ...words]);
    assert.equal(code, 3);
    assert.match(out, /^scopes of "\w+" {2}deny it: .*\ndenied: /);
  }
});

test('a service is asked for real', async (t) => {
  const url = await startService(t, (_, response) => response.end('{"allow": true}'));
  const file = temporaryFile(t, 'server.yaml', `policy:\n  - http: ${url.href}\n`);
  const words = ['--action', 'http', '--service', 'web'];
  const { code, out } = await runProgram(t, ['policy', 'test', file, ...words]);
  assert.deepEqual([code, out.split('\n')[0]], [0, `policy[0] ${url.host}  allows it`]);
});

test('what cannot be asked is said, with its place', async (t) => {
  const asked = ['--action', 'http', '--service', 'web'];
  const file = writePolicy(t, byKey);
  const stranger = await runProgram(t, ['policy', 'test', file, ...asked, '--identity', 'bob']);
  assert.equal(stranger.code, 2);
  assert.match(stranger.err, /identity "bob": is not in the file; those are ann, robot, default/);

  const broken = writePolicy(t, 'function connect(');
  const syntax = await runProgram(t, ['policy', 'test', broken, ...asked]);
  assert.equal(syntax.code, 2);
  assert.match(syntax.err, /policy\[1\]: .*access\.lua: access\.lua:1: /);

  const odd = temporaryFile(
    t,
    'server.yaml',
    'policy:\n  - rules:\n      - hours: always\n        effect: allow\n  - always: deny\n',
  );
  const checked = await runProgram(t, ['config', 'check', odd, '--for', 'server']);
  assert.equal(checked.code, 2);
  const said = checked.err.replaceAll(`${path.dirname(odd)}/`, '');
  assert.match(said, /^server\.yaml:3:16: policy\[0\]\.rules\[0\]\.hours\[0\]: hours "always"/m);

  const unasked = temporaryFile(t, 'server.yaml', 'policy:\n  - always: deny\n  - always: allow\n');
  const chain = await runProgram(t, ['config', 'check', unasked, '--for', 'server']);
  assert.match(
    chain.err,
    /server\.yaml:3:5: policy\[1\]: is never asked: always decides everything/,
  );
});
