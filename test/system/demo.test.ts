import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask } from '../support/http-client.ts';
import { startOrigin } from '../support/http-origin.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { readRegistered } from '../support/tunnel.ts';
import { manifest } from '../support/manifest.ts';

test('demo --once makes a request through a tunnel, shows it, and exits 0', async (t) => {
  const { code, out, err } = await runProgram(t, ['demo', '--once']);
  assert.equal(code, 0, err);
  assert.match(out + err, /\b200\b/, 'the status');
  assert.match(out + err, /\bms\b/, 'the time');
  assert.match(out + err, /bytes/, 'the size');
});

test('demo stays, its URL answers, and Ctrl-C ends it', async (t) => {
  const demo = startProgram(t, ['demo']);
  const url = new URL(await demo.line((line) => /^Open\s+(\S+)$/.exec(line)?.[1]));
  const reply = await ask({ port: Number(url.port), path: url.pathname, host: url.host });
  assert.equal(reply.status, 200);
  await demo.line((line) => (line.includes('sallyport http 3000') ? true : undefined));
  const { code, signal } = await demo.end('SIGINT');
  assert.ok(code === 0 || code === 130, `ended with ${code ?? signal}`);
});

test('a server without a credential makes one, shows it once, and its line for an agent works', async (t) => {
  const origin = await startOrigin(t);
  const server = startProgram(t, ['server', '--listen', '127.0.0.1:0']);
  const pasted = await server.line((line) => /npx (sallyport http .*)$/.exec(line)?.[1]);
  const token = /--token (\S+)/.exec(pasted)![1];
  const words = pasted.replace(' 3000 ', ` ${origin.address} `).split(' ').slice(1);
  const agent = startProgram(t, [...words, '--json']);
  const { urls } = await agent.line(readRegistered);
  const url = new URL(urls[0]);
  const reply = await ask({ port: Number(url.port), host: url.host });
  assert.equal(reply.text, 'hello');
  assert.equal(server.err().split(token).length, 1, 'the log does not show it');
  assert.equal(new Set(server.out().match(/sp_\S+/g)).size, 1);
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
