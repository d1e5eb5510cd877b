import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { manifest } from '../support/manifest.ts';

test('demo --once makes a request through a tunnel, shows it, and exits 0', async (t) => {
  const { code, out, err } = await runProgram(t, ['demo', '--once']);
  assert.equal(code, 0, err);
  assert.match(out + err, /\b200\b/, 'the status');
  assert.match(out + err, /\bms\b/, 'the time');
  assert.match(out + err, /bytes/, 'the size');
});

test('demo stays, its URL answers, and Ctrl-C ends it', async (t) => {
  const demo = startProgram(t, ['demo'], { raw: true });
  const [said] = (await once(demo.stdout, 'data')) as [Buffer];
  let text = said.toString();
  demo.stdout.on('data', (more: Buffer) => (text += more.toString()));
  const urls = await demoUrls(() => text + demo.err());
  const reply = await ask({ port: Number(urls.port), path: urls.pathname, host: urls.host });
  assert.equal(reply.status, 200);
  assert.match(text + demo.err(), /sallyport http /, 'the line to paste for one’s own service');
  const { code, signal } = await demo.end('SIGINT');
  assert.ok(code === 0 || code === 130, `ended with ${code ?? signal}`);
});

test('--version names the version, --help each command', async (t) => {
  const version = await runProgram(t, ['--version']);
  assert.equal(version.code, 0);
  assert.ok(version.out.includes(manifest.version), version.out);
  const help = await runProgram(t, ['--help']);
  assert.equal(help.code, 0);
  for (const command of ['server', 'http', 'tcp', 'agent', 'connect', 'forward', 'demo']) {
    assert.match(help.out, new RegExp(`\\b${command}\\b`));
    const own = await runProgram(t, [command, '--help']);
    assert.equal(own.code, 0, own.err);
    assert.match(own.out, new RegExp(`sallyport ${command}`));
  }
});

test('an unknown command or flag exits 2 and says what to do', async (t) => {
  const command = await runProgram(t, ['sevrer']);
  assert.equal(command.code, 2);
  assert.match(command.err, /server/);
  const flag = await runProgram(t, ['server', '--lisen', '127.0.0.1:0']);
  assert.equal(flag.code, 2);
  assert.match(flag.err, /--listen/);
});
