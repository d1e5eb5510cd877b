import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { directory, write } from '../../test/support/options.ts';
import { dispatch } from './dispatch.ts';

async function sallyport(
  args: readonly string[],
  { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
) {
  const written = { stdout: '', stderr: '' };
  const collect = (name: keyof typeof written): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const code = await dispatch({
    args,
    env,
    directory,
    signal: new AbortController().signal,
    version: '1.2.3',
    stdin: Readable.from([input]),
    stdout: collect('stdout'),
    stderr: collect('stderr'),
  });
  return { code, ...written };
}

test('--version and version print the version, as JSON too', async () => {
  assert.deepEqual(await sallyport(['--version']), { code: 0, stdout: '1.2.3\n', stderr: '' });
  assert.deepEqual(await sallyport(['version']), { code: 0, stdout: '1.2.3\n', stderr: '' });
  assert.deepEqual(await sallyport(['version', '--json']), {
    code: 0,
    stdout: '{"version":"1.2.3"}\n',
    stderr: '',
  });
});

test('help asked for goes to stdout, help given for want of a command to stderr with code 2', async () => {
  for (const args of [['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await sallyport(args);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^sallyport 1\.2\.3: .*\n\nUsage: sallyport COMMAND/);
  }
  const { code, stdout, stderr } = await sallyport([]);
  assert.deepEqual([code, stdout], [2, '']);
  assert.match(stderr, /Usage: sallyport COMMAND/);
});

test('the help of a command can be asked for in three ways, and wins over wrong arguments', async () => {
  for (const args of [
    ['help', 'http'],
    ['http', '--help'],
    ['http', '-h'],
    ['http', '--nonsense', '--help'],
  ]) {
    const { code, stdout } = await sallyport(args);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: sallyport http TARGET/);
  }
});

test('--help after -- is not asking for help', async () => {
  assert.equal((await sallyport(['token', '--', '--help'])).code, 2);
});

test('an unknown command suggests what was meant', async () => {
  for (const args of [['sevrer'], ['help', 'sevrer'], ['sevrer', '--help']]) {
    assert.deepEqual(await sallyport(args), {
      code: 2,
      stdout: '',
      stderr:
        'sallyport: USAGE: "sevrer": is no command; did you mean server?\n  fix: Run the command with --help.\n',
    });
  }
  assert.match(
    (await sallyport(['constructor'])).stderr,
    /^sallyport: USAGE: "constructor": is no command; --help lists them/,
  );
});

test('errors are one line of JSON with --json', async () => {
  const { code, stdout, stderr } = await sallyport(['http', '--json']);
  assert.deepEqual([code, stdout], [2, '']);
  assert.deepEqual(JSON.parse(stderr), {
    error: {
      code: 'USAGE',
      hop: 'consumer',
      message: 'TARGET is missing; --help shows what belongs there',
      advice: 'Run the command with --help.',
      exit: 2,
    },
  });
});

test('SALLYPORT_JSON asks for JSON as --json does', async () => {
  const { stderr } = await sallyport(['sevrer'], { env: { SALLYPORT_JSON: 'true' } });
  assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'USAGE');
});

test('warnings go to stderr and do not stop a command', async () => {
  write('open', 'sp_x\n', 0o644);
  const { code, stderr } = await sallyport([
    'config',
    'check',
    write('warn.yaml', 'listen: 1\ntoken: file:open\n'),
  ]);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^sallyport: warning: .*open: every user of this machine can read this secret/,
  );
});

test('token makes a token and its hash', async () => {
  const { code, stdout } = await sallyport(['token']);
  const [, token, hash] =
    /^token: (sp_[A-Za-z0-9_-]{43})\nhash: {2}(sha256:[0-9a-f]{64})\n$/.exec(stdout) ?? [];
  assert.equal(code, 0);
  assert.equal(hash, `sha256:${createHash('sha256').update(token).digest('hex')}`);
});

test('token --json gives the same as JSON', async () => {
  const { token, hash } = JSON.parse((await sallyport(['token', '--json'])).stdout) as {
    token: string;
    hash: string;
  };
  assert.equal(hash, `sha256:${createHash('sha256').update(token).digest('hex')}`);
});

test('token --hash hashes what stdin holds, without its line end, and shows no token', async () => {
  const hash = `sha256:${createHash('sha256').update('sp_mine').digest('hex')}`;
  assert.deepEqual(await sallyport(['token', '--hash'], { input: 'sp_mine\n' }), {
    code: 0,
    stdout: `${hash}\n`,
    stderr: '',
  });
  assert.deepEqual(
    JSON.parse((await sallyport(['token', '--hash', '--json'], { input: 'sp_mine' })).stdout),
    { hash },
  );
});

test('token --hash refuses an empty token: everybody knows its hash', async () => {
  for (const input of ['', '\n']) {
    const { code, stdout, stderr } = await sallyport(['token', '--hash'], { input });
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^sallyport: CONFIG_INVALID: token: it is empty/);
  }
});

test('config check says what a good file is good for, and lists what is wrong with a bad one', async () => {
  const good = write('good.yaml', 'listen: 8080\n');
  assert.deepEqual(await sallyport(['config', 'check', good]), {
    code: 0,
    stdout: `${good}: good for sallyport server\n`,
    stderr: '',
  });
  const bad = write('bad.yaml', 'listen: x\nheartbeat: 5\n');
  const { code, stdout, stderr } = await sallyport(['config', 'check', bad]);
  assert.deepEqual([code, stdout], [2, '']);
  const lines = stderr.trimEnd().split('\n');
  assert.equal(lines.length, 2);
  assert.ok(
    lines[0].startsWith(`${bad}:1:9: listen: `) && lines[1].startsWith(`${bad}:2:12: heartbeat: `),
    stderr,
  );
});

test('config check looks into the scripts, keys and certificates that a file names', async () => {
  const script = write('broken.lua', 'function connect(');
  const keys = write('keys.json', '{}');
  const lines = [
    `tls_cert: ${keys}`,
    `tls_key: ${keys}`,
    'authenticators:',
    `  - {name: a, type: jwt, jwks_file: ${keys}, issuer: x, audience: y, roles: [agent], names: x}`,
    'policy:',
    `  - lua: ${script}`,
  ];
  const file = write('named.yaml', lines.join('\n'));
  const { code, stderr } = await sallyport(['config', 'check', file]);
  assert.equal(code, 2);
  const said = stderr.split('\n').filter((line) => line.startsWith(`${file}: `));
  for (const [index, what] of ['authenticator a: keys: ', 'tls: ', 'policy[0]: '].entries())
    assert.ok(said[index].startsWith(`${file}: ${what}`), stderr);
  const listed = await sallyport(['config', 'check', file, '--json']);
  assert.equal((JSON.parse(listed.stdout) as { problems: unknown[] }).problems.length, 3);
});

test('config check --json lists the problems with their positions', async () => {
  const file = write('bad.yaml', 'heartbeat: 5\nlisten: 1\n');
  const { code, stdout } = await sallyport(['config', 'check', file, '--json']);
  assert.equal(code, 2);
  assert.deepEqual(JSON.parse(stdout), {
    file,
    kind: 'server',
    valid: false,
    problems: [
      {
        file,
        line: 1,
        column: 12,
        path: 'heartbeat',
        message: 'must be a duration, not "5"; add the unit: 5s',
      },
    ],
    warnings: [],
  });
});

test('config --for takes the side of a file that does not tell', async () => {
  const file = write('either.yaml', 'token: x\n');
  assert.equal((await sallyport(['config', 'check', file])).code, 2);
  assert.equal((await sallyport(['config', 'check', file, '--for', 'server'])).code, 0);
  assert.match(
    (await sallyport(['config', 'check', file, '--for', 'sever'])).stderr,
    /--for: must be one of server, agent, not "sever"; did you mean server\?/,
  );
});

test('config schema prints JSON Schema, of one kind or of both', async () => {
  const both = JSON.parse((await sallyport(['config', 'schema'])).stdout) as { anyOf: unknown[] };
  assert.equal(both.anyOf.length, 2);
  const one = JSON.parse((await sallyport(['config', 'schema', '--for', 'agent'])).stdout) as {
    title: string;
  };
  assert.equal(one.title, 'Sallyport agent');
});

test('config without a sensible action is refused', async () => {
  assert.match(
    (await sallyport(['config', 'chekc', 'f'])).stderr,
    /USAGE: config "chekc": is no action; did you mean check\?/,
  );
  assert.match(
    (await sallyport(['config', 'check'])).stderr,
    /USAGE: config check: the FILE is missing/,
  );
  assert.match(
    (await sallyport(['config', 'schema', 'f'])).stderr,
    /USAGE: config schema: takes no FILE/,
  );
  assert.match(
    (await sallyport(['config', 'toString'])).stderr,
    /USAGE: config "toString": is no action/,
  );
});
