import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/files.ts';
import { startOrigin, type Origin } from '../support/http-origin.ts';
import { digestOf, noiseDigest, noiseStream } from '../support/noise.ts';
import { runPeer, type Ended } from '../support/peer.ts';
import { startTunnel } from '../support/tunnel.ts';

const MB = 1024 * 1024;
const FILE_BYTES = 200 * MB;

interface Web {
  origin: Origin;
  /** Runs curl against a path of the service. */
  curl(path: string, ...words: string[]): Promise<Ended>;
}

async function startWeb(t: TestContext): Promise<Web> {
  const origin = await startOrigin(t);
  const { server } = await startTunnel(t, ['http', origin.address, '--name', 'web']);
  const base = ['curl', '--silent', '--show-error', '--noproxy', '*', '--max-time', '60'];
  const to = ['--connect-to', `web.localhost:80:127.0.0.1:${server.port}`];
  return {
    origin,
    curl: (where, ...words) => runPeer([...base, ...to, ...words, `http://web.localhost${where}`]),
  };
}

test('curl speaks HTTP/1.1 and 1.0, asks for heads and parts of a thing', async (t) => {
  const { curl } = await startWeb(t);
  assert.equal((await curl('/whoami')).out.toString(), 'origin');
  assert.equal((await curl('/whoami', '--http1.0')).out.toString(), 'origin');
  const head = await curl('/noise/1234', '--head');
  assert.match(head.out.toString(), /^content-length: 1234\r$/im);
  const twice = await curl(
    '/whoami',
    '--write-out',
    ' %{num_connects};',
    'http://web.localhost/whoami',
  );
  assert.equal(twice.out.toString(), 'origin 1;origin 0;', 'the second uses the same connection');
});

test('curl’s offer of HTTP/2 over clear text is declined without harm', async (t) => {
  const { curl } = await startWeb(t);
  const answer = await curl('/whoami', '--http2', '--write-out', ' %{http_version}');
  assert.equal(answer.out.toString(), 'origin 1.1');
});

test('a file of 200 MB arrives byte for byte, both ways', async (t) => {
  const { curl } = await startWeb(t);
  const folder = temporaryFolder(t);
  const digest = noiseDigest(FILE_BYTES);
  const down = path.join(folder, 'down');
  const got = await curl(`/noise/${FILE_BYTES}`, '--output', down);
  assert.equal(got.code, 0, got.err);
  assert.equal((await digestOf(createReadStream(down))).digest, digest);

  const up = path.join(folder, 'up');
  await pipeline(noiseStream(FILE_BYTES), createWriteStream(up));
  const sent = await curl('/digest', '--upload-file', up);
  assert.equal(sent.out.toString(), digest, 'with a length, after 100-continue');
  const chunked = await curl(
    '/digest',
    '--upload-file',
    up,
    '--header',
    'Transfer-Encoding: chunked',
  );
  assert.equal(chunked.out.toString(), digest, 'chunked');
});

test('a form posted by curl arrives once and whole', async (t) => {
  const { origin, curl } = await startWeb(t);
  const form = 'a=1&b=two';
  const answer = await curl('/digest', '--data', form, '--header', 'x-request-id: the-form');
  assert.equal(answer.out.toString(), createHash('sha256').update(form).digest('hex'));
  assert.equal(origin.ledger.get('the-form'), 1);
});

test('curl reads a stream of events as it comes', async (t) => {
  const { curl } = await startWeb(t);
  const answer = await curl('/events', '--no-buffer', '--max-time', '2');
  assert.equal(answer.code, 28, 'it was still reading when its time was up');
  assert.equal(answer.out.toString(), 'data: first\n\n');
});
