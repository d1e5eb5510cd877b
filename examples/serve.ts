/**
 * A service without a web server: a function from Request to Response answers what comes through the
 * tunnel. Run it with `node examples/serve.ts`; it asks itself once, says what came back, and ends. In
 * a project of your own, import from 'sallyport', and leave the server to whoever runs it.
 */
import { once } from 'node:events';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { allScopes, createLogger, createServer, createToken, serve } from '../src/index.ts';

const token = createToken();

// The public server. It usually runs elsewhere: `sallyport server`.
const server = await createServer({
  listen: { host: '127.0.0.1', port: 0 },
  identities: [{ name: 'everybody', token, ...allScopes }],
  program: 'serve-example/1.0',
  log: createLogger({ level: 'warn', format: 'auto' }),
});
const { port } = server.address;

// The service, in a process that needs no port of its own.
const greeter = await serve({
  server: `ws://127.0.0.1:${port}`,
  token,
  name: 'greeter',
  async fetch(request) {
    const { pathname } = new URL(request.url);
    return new Response(`hello ${await request.text()} at ${pathname}\n`);
  },
});

// A consumer: any HTTP client that finds NAME.localhost.
const question = http.request({
  host: '127.0.0.1',
  port,
  path: '/door',
  method: 'POST',
  headers: { Host: 'greeter.localhost' },
});
question.end('world');
const [answer] = await once(question, 'response');
process.stdout.write(await text(answer));

// Whoever creates something closes it.
await greeter.close();
await server.close();
