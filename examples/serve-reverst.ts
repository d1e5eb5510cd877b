/**
 * A service behind a server of reverst, without a web server: a function from Request to Response
 * answers what comes through the tunnel. Run it with
 * `node examples/serve-reverst.ts HOST:PORT GROUP CA-FILE`, where REVERST_USERNAME and
 * REVERST_PASSWORD hold what the group asks for; it serves until it is told to end. In a project of
 * your own, import from 'sallyport'.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { serve } from '../src/index.ts';

const [quic = '127.0.0.1:7171', group = 'flipt.dev.local', caFile] = process.argv.slice(2);
const { REVERST_USERNAME: username = 'user', REVERST_PASSWORD: password = 'pass' } = process.env;

const served = await serve({
  quic,
  group,
  auth: { username, password },
  // The name in the certificate, where it is not the host of the address.
  serverName: group,
  ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
  fetch(request) {
    const { pathname } = new URL(request.url);
    return new Response(`PONG from ${pathname}\n`);
  },
});
process.stdout.write(`serving ${group}\n`);

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
// Running requests finish first.
await served.close();
