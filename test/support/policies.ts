/** Questions, scripts and services for tests of policies. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { AccessRequest, Decision, Policy } from '../../src/access/policy/policy.ts';
import { createLuaPolicy } from '../../src/access/policy/lua/driver.ts';
import { temporaryFile } from './files.ts';

/** A consumer nobody knows, who wants to connect to "box". */
export const question: AccessRequest = {
  action: 'connect',
  identity: null,
  service: 'box',
  target: { host: '10.0.0.1', port: 22 },
  consumer: '192.0.2.7:4711',
  key: null,
};

/** The decision, whether it comes at once or not. */
export async function decide(
  policy: Policy,
  asked: Partial<AccessRequest> = {},
): Promise<Decision> {
  return policy.authorize({ ...question, ...asked });
}

/** A policy of that script, closed with the test. */
export async function luaPolicy(t: TestContext, script: string): Promise<Policy> {
  const file = temporaryFile(t, 'access.lua', script);
  const policy = await createLuaPolicy({ file, place: 'policy[0]' });
  t.after(() => policy.close());
  return policy;
}

/** An HTTP service, on a free port of 127.0.0.1. */
export async function startService(t: TestContext, answer: http.RequestListener): Promise<URL> {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/authorize`);
}

/** The JSON that a request brings. */
export async function readJson(request: http.IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return JSON.parse(Buffer.concat(pieces).toString());
}
