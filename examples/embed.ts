/**
 * Sallyport inside a program: a server, an agent with one TCP service, and a consumer that opens a
 * stream to it, all in one process. Run it with `node examples/embed.ts`; it says what came through
 * and ends. In a project of your own, import from 'sallyport'.
 */
import { once } from 'node:events';
import net from 'node:net';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  allScopes,
  connectDuplex,
  createAccessLog,
  createAgent,
  createAllowList,
  createConsumer,
  createLogger,
  createServer,
  createToken,
  parseTarget,
} from '../src/index.ts';

const program = 'embed-example/1.0';
const heartbeatMs = 5_000;
const token = createToken();
const log = createLogger({ level: 'warn', format: 'auto' });

// The service: it answers in capitals, and ends when its client has ended.
const service = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('data', (bytes) => socket.write(bytes.toString().toUpperCase()));
  socket.on('end', () => socket.end());
});
service.listen(0, '127.0.0.1');
await once(service, 'listening');
const { port } = service.address() as net.AddressInfo;

// The public server. Its one token may do everything.
const server = await createServer({
  listen: { host: '127.0.0.1', port: 0 },
  identities: [{ name: 'everybody', token, ...allScopes }],
  program,
  log,
});
const url = new URL(`ws://127.0.0.1:${server.address.port}`);

// The agent beside the service. It runs until `stop` fires.
const stop = new AbortController();
const ready = Promise.withResolvers<void>();
const agent = createAgent({
  server: url,
  token,
  program,
  heartbeatMs,
  keepTrying: false,
  drainGraceMs: 1_000,
  accessLog: createAccessLog(log, false),
  services: [
    {
      offer: { name: 'loud', kind: 'tcp' },
      target: parseTarget(`127.0.0.1:${port}`),
      allow: createAllowList([]), // consumers choose no other target
      insecureTarget: false,
    },
  ],
  events: {
    registered() {},
    ready: ready.resolve,
    lost(error, waitMs) {
      log.warn({ err: error, waitMs }, 'agent not connected');
    },
  },
});
const running = agent.run(stop.signal);
await Promise.race([ready.promise, running]);

// A consumer: one end of the pair is joined to the service, the other is ours.
const consumer = createConsumer({ server: url, token, program, heartbeatMs });
await consumer.attach(stop.signal);
const [ours, theirs] = duplexPair();
const whole = connectDuplex(consumer, { service: 'loud' }, theirs);
ours.end('hello from the other side\n');
process.stdout.write(await text(ours));
await whole;

// Whoever creates something closes it.
consumer.close();
stop.abort();
await running;
await server.close();
service.close();
