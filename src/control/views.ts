/** What operators are shown: the shapes of all answers of the control API. No secret is in any of them. */
import { z } from 'zod';

const service = z.string().describe('Name of the service.');
const identity = z.string().describe('Name of the identity.');
const address = (whose: string) => z.string().describe(`\`ip:port\` of ${whose}.`);
const count = (what: string) => z.int().nonnegative().describe(what);
const time = (what: string) => z.int().describe(`${what}: milliseconds since 1970, UTC.`);
const kind = z.enum(['http', 'tcp']);
const seq = count('Number of the newest event when this was true: events after it are not in it.');

export const clientView = z
  .object({
    session: z.string().describe('Names the connection in events, logs and kicks.'),
    identity,
    peer: address('the client'),
    protocol: z.string().describe('`sallyport`, or the name of another tool’s protocol.'),
    program: z
      .string()
      .describe('Program and version, as the client says; empty when its protocol does not tell.'),
    attachedAt: time('Since when'),
    rttMs: z.number().nonnegative().describe('Round trip in milliseconds; 0 before the first.'),
    streams: count('Streams open now.'),
    services: z.array(z.string()).describe('Services it serves. Consumers have none.'),
  })
  .describe('An agent or a consumer that is attached.');

export const serviceView = z
  .object({
    service,
    kind,
    present: z
      .boolean()
      .describe('False: no agent is there now, and the name is kept for a while.'),
    exclusive: z
      .enum(['first', 'latest'])
      .nullable()
      .describe('One agent only: which one. Null: its agents share.'),
    balance: z.enum(['round-robin', 'least-streams']),
    upstreams: z
      .array(z.object({ session: z.string(), streams: count('Streams open now.') }))
      .describe('Who serves it.'),
    urls: z.array(z.string()).describe('Where consumers find it.'),
  })
  .describe('A service that is known.');

export const routeView = z
  .object({
    by: z
      .enum(['host', 'path', 'token', 'port', 'tls'])
      .describe(
        'What leads there: a host, a path of the server’s own hosts, a rendez-vous token, a public port, or a TLS server name.',
      ),
    host: z
      .string()
      .nullable()
      .describe('Host, or `*.` and a domain. Null where it does not matter.'),
    path: z.string().nullable().describe('Path prefix. Null where there are no paths.'),
    port: z.int().nullable().describe('Public TCP port. Null for HTTP.'),
    service,
  })
  .describe('What of the public side leads to a service.');

export const streamView = z
  .object({
    stream: z.string().describe('Names the stream in events, logs and kicks.'),
    service,
    kind,
    consumer: address('the consumer'),
    identity: identity.nullable().describe('Who asked for it; null when nobody has said.'),
    target: z
      .string()
      .nullable()
      .describe('`host:port` chosen by the consumer; null for the service’s own.'),
    session: z.string().nullable().describe('Who serves it; null while it waits for that.'),
    openedAt: time('Since when'),
    bytesUp: count(
      'Bytes from the consumer to the target so far, the head of the stream among them.',
    ),
    bytesDown: count('Bytes from the target to the consumer so far, likewise.'),
  })
  .describe('A stream that is open, or waits to be opened.');

export const identityView = z
  .object({
    identity,
    roles: z.array(z.enum(['agent', 'consumer', 'admin'])),
    names: z.array(z.string()).describe('Globs of service names.'),
    hosts: z.array(z.string()).describe('Globs of hosts.'),
    ports: z.array(z.string()).describe('Ranges of public ports.'),
    targets: z.array(z.string()).describe('Rules for the targets it may choose.'),
    revoked: z.boolean().describe('Put out by an operator.'),
    sessions: count('Sessions attached now.'),
    streams: count('Streams open now.'),
  })
  .describe('An identity that the server knows by name.');

export const statusView = z
  .object({
    seq,
    program: z.string(),
    node: z.string().describe('Version of Node.js.'),
    startedAt: time('Since when it runs'),
    draining: z.boolean().describe('It takes nothing new.'),
    listen: z.string().describe('`ip:port` it listens on.'),
    publicUrl: z.string().describe('How consumers see it.'),
    agents: count('Agents attached now.'),
    consumers: count('Consumers attached now.'),
    services: count('Services that are known.'),
    routes: count('Routes to them.'),
    streams: count('Streams open now.'),
    requests: count('HTTP requests under way.'),
    configProblems: z
      .array(z.string())
      .describe('What is wrong with the configuration as it is now; the one before is in force.'),
    waitsForRestart: z.array(z.string()).describe('Options whose new values take a restart.'),
    memoryBytes: count('Resident memory.'),
  })
  .describe('The server as a whole.');

export const endedView = z
  .object({
    seq,
    sessions: count('Sessions that were ended.'),
    services: count('Registrations of services that were taken back.'),
    streams: count('Streams that were ended.'),
  })
  .describe('What an operation has ended.');

export const restoredView = z
  .object({ seq, identity })
  .describe('An identity that is known again.');

export const drainingView = z
  .object({ seq, draining: z.literal(true) })
  .describe('The server takes nothing new.');

export const reloadedView = z
  .object({
    seq,
    changed: z.array(z.string()).describe('What is different from now on.'),
    restart: z.array(z.string()).describe('What takes a restart to be so.'),
  })
  .describe('What a reload did.');

export const configView = z
  .record(z.string(), z.unknown())
  .describe(
    'The options in force, by the keys that files use: durations in milliseconds, sizes in bytes, secrets masked.',
  );

/** Readers take events that are newer than they are. */
export const eventView = z
  .looseObject({
    seq: z.int().positive().describe('Counts from 1, without gaps, for one run of the server.'),
    time: time('When it happened'),
    type: z.string(),
  })
  .describe('An event. What else it holds, its type says: see the schema Event.');

export const errorView = z
  .object({
    error: z.object({
      code: z.string().describe('Stable name of the failure.'),
      hop: z.string().describe('Where it went wrong.'),
      message: z.string().describe('What, and why.'),
      advice: z.string().describe('How to mend it.'),
      requestId: z.string().describe('Names the request in the log.'),
    }),
  })
  .describe('A failure.');

/** A list, true at one moment as a whole. */
export function listOf<View extends z.ZodType>(view: View) {
  return z.object({
    run: z.string().describe('Names the run of the server that `seq` belongs to.'),
    seq,
    total: count('How many there are; more than are listed when the list was cut.'),
    items: z.array(view),
  });
}

export type ClientView = z.output<typeof clientView>;
export type ServiceView = z.output<typeof serviceView>;
export type RouteView = z.output<typeof routeView>;
export type StreamView = z.output<typeof streamView>;
export type IdentityView = z.output<typeof identityView>;
export type StatusView = z.output<typeof statusView>;
export type EndedView = z.output<typeof endedView>;
