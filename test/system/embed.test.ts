import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as library from '../../src/index.ts';

const example = path.resolve(import.meta.dirname, '../../examples/embed.ts');

test('the example of embedding carries its words through server and agent, and ends by itself', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [example], {
    timeout: 20_000,
  });
  assert.equal(stdout, 'HELLO FROM THE OTHER SIDE\n');
  assert.equal(stderr, '', 'nothing went wrong on the way');
});

test('the library is these names and no others', () => {
  assert.deepEqual(Object.keys(library).toSorted(), [
    'SallyportError',
    'allScopes',
    'connectDuplex',
    'createAccessLog',
    'createAgent',
    'createAllowList',
    'createConsumer',
    'createEventFilter',
    'createEventStream',
    'createFetchTarget',
    'createHubbleEvents',
    'createHubbleProxy',
    'createLogger',
    'createPolicyChain',
    'createServer',
    'createToken',
    'errorKinds',
    'formatAddress',
    'hashConsumerPassword',
    'hashToken',
    'openForward',
    'parseListenAddress',
    'parsePortRanges',
    'parseRule',
    'parseTarget',
    'serve',
  ]);
});
