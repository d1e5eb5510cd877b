/** Are the bytes right? Speed comes last here; wrong bytes end the bench. */
import { createHash } from 'node:crypto';
import http from 'node:http';
import type { Contender, ContenderName } from '../contenders.ts';
import { type BulkResult, lastJson } from '../load.ts';
import { HTTP_HOST } from '../roads/sallyport.ts';
import type { Row } from '../row.ts';

const SPEED = 'MB/s';
const STREAMS = 8;
/** A stream carries this many bytes for each millisecond that a sample may take. */
const BYTES_PER_MS = 12_345;
const FETCHES = 64;

/** Random bytes, up and back down again at once, on several streams, with half-close. */
function streamRow(name: string, what: string, ours: ContenderName, reference: ContenderName): Row {
  return {
    name,
    what,
    reference,
    ours,
    onlyOneRound: true,
    figures: [{ name: SPEED }],
    async sample(contender, pace, stage) {
      const bytesEach = pace.measureMs * BYTES_PER_MS + 1;
      const lines = await stage.processes.run({
        name: `the comparison of bytes through ${contender.name}`,
        path: stage.loadProgram,
        args: ['verify', String(contender.port), String(STREAMS), String(bytesEach)],
      });
      const { bytes, seconds } = lastJson(lines) as BulkResult;
      return { [SPEED]: bytes / 1e6 / seconds };
    },
  };
}

const httpRow: Row = {
  name: 'verify-http',
  what: `${FETCHES} bodies of 1 MiB at once, compared`,
  reference: 'nginx',
  ours: 'sallyport-http',
  onlyOneRound: true,
  figures: [{ name: SPEED }],
  async sample(contender, _pace, stage) {
    const began = performance.now();
    const fetches = Array.from({ length: FETCHES }, () => fetchBody(contender));
    let bytes = 0;
    for (const body of await Promise.all(fetches)) {
      const digest = createHash('sha256').update(body).digest('hex');
      if (digest !== stage.largeBodySha256) {
        throw new Error(
          `wrong bytes: ${contender.name} gave a body of ${body.length} with ${digest}`,
        );
      }
      bytes += body.length;
    }
    return { [SPEED]: bytes / 1e3 / (performance.now() - began) };
  },
};

function fetchBody(from: Contender): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: from.port,
      path: '/large',
      headers: { Host: HTTP_HOST },
    };
    const request = http.get(options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(pieces));
        else reject(new Error(`${from.name} answered ${response.statusCode} instead of 200`));
      });
    });
    request.on('error', reject);
  });
}

export const verifyRows: readonly Row[] = [
  streamRow('verify', `random bytes both ways on ${STREAMS} streams`, 'sallyport', 'haproxy'),
  streamRow('verify-tls', 'the same over wss', 'sallyport-tls', 'haproxy-tls'),
  streamRow('verify-mask', 'the same with random masks', 'sallyport-masked', 'sallyport'),
  httpRow,
];
