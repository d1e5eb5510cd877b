/** The control API over real sockets, of a server that a test plays by hand. */
import type { TestContext } from 'node:test';
import { createAuthenticators } from '../../src/access/authenticate/authenticators.ts';
import { createReception } from '../../src/access/authenticate/reception.ts';
import { createGuesses } from '../../src/access/guesses.ts';
import type { IdentityOptions } from '../../src/access/identities.ts';
import { allScopes } from '../../src/access/identity.ts';
import { createGrantPolicy } from '../../src/access/policy/grant.ts';
import type { Policy } from '../../src/access/policy/policy.ts';
import { createRevocations } from '../../src/access/revocations.ts';
import { createControlApi, type ControlApiOptions } from '../../src/control/api.ts';
import { createDoor, type DoorOptions } from '../../src/control/door.ts';
import { createControlEndpoints, type ControlEndpoints } from '../../src/control/endpoints.ts';
import type { ControlHost, Ended } from '../../src/control/host.ts';
import type { SallyportError } from '../../src/errors.ts';
import { createEventLog, type EventLog } from '../../src/events/log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { playIngress, type Client, type Played } from './http-ingress.ts';

export const tokens = {
  admin: 'sp_token-of-the-admin-of-control',
  agent: 'sp_token-of-an-agent-in-control',
};

const identities: readonly IdentityOptions[] = [
  { name: 'ann', token: tokens.admin, ...allScopes },
  { name: 'bob', token: tokens.agent, roles: ['agent', 'consumer'], names: ['*'] },
];

/** A host with one thing of each kind, that writes down what is done to it. */
export class PlayedHost implements ControlHost {
  seq = 7;
  readonly done: string[] = [];
  readonly errors: SallyportError[] = [];
  configuration: ControlHost['configuration'] = null;
  streamCount = 1;

  status(): ReturnType<ControlHost['status']> {
    return {
      program: 'test/1',
      node: 'v0',
      startedAt: 1,
      draining: false,
      listen: '127.0.0.1:1',
      publicUrl: 'http://own.test/',
      agents: 1,
      consumers: 0,
      services: 1,
      routes: 1,
      streams: this.streamCount,
      requests: 0,
      configProblems: [],
      waitsForRestart: [],
      memoryBytes: 1,
    };
  }

  clients(role: string): ReturnType<ControlHost['clients']> {
    const client = {
      session: 's1',
      identity: 'bob',
      peer: '192.0.2.1:1',
      protocol: 'sallyport',
      program: 'x',
      attachedAt: 1,
      rttMs: 0.5,
      streams: 1,
      services: ['web'],
    };
    return role === 'agent' ? [client] : [];
  }

  services(): ReturnType<ControlHost['services']> {
    const upstreams = [{ session: 's1', streams: 1 }];
    const policy = { kind: 'http', exclusive: null, balance: 'round-robin' } as const;
    return [{ service: 'web', ...policy, present: true, upstreams, urls: ['http://web/'] }];
  }

  routes(): ReturnType<ControlHost['routes']> {
    return [{ by: 'host', host: 'web.own.test', path: '/', port: null, service: 'web' }];
  }

  *streams(): ReturnType<ControlHost['streams']> {
    for (let i = 1; i <= this.streamCount; i++) {
      yield {
        stream: `a-${i}`,
        service: i === 1 ? 'web' : 'box',
        kind: 'http',
        consumer: '192.0.2.9:9',
        identity: i === 1 ? null : 'bob',
        target: null,
        session: 's1',
        openedAt: 1,
        bytesUp: 1,
        bytesDown: 2,
      };
    }
  }

  identities(): ReturnType<ControlHost['identities']> {
    const lists = { names: ['*'], hosts: [], ports: [], targets: [] };
    const counts = { sessions: 1, streams: 0 };
    return [{ identity: 'bob', roles: ['agent'], ...lists, revoked: false, ...counts }];
  }

  #end(what: string, known: boolean, error: SallyportError): Ended | null {
    if (!known) return null;
    this.done.push(what);
    this.errors.push(error);
    return { sessions: 1, services: 2, streams: 3 };
  }

  kickClient(role: string, session: string, error: SallyportError): Ended | null {
    return this.#end(`kick ${role} ${session}`, role === 'agent' && session === 's1', error);
  }

  kickService(service: string, error: SallyportError): Ended | null {
    return this.#end(`kick service ${service}`, service === 'web', error);
  }

  kickStream(stream: string, error: SallyportError): Ended | null {
    return this.#end(`kick stream ${stream}`, stream === 'a-1', error);
  }

  revoke(identity: string): Ended {
    this.done.push(`revoke ${identity}`);
    return { sessions: 1, services: 0, streams: 0 };
  }

  restore(identity: string): boolean {
    this.done.push(`restore ${identity}`);
    return identity === 'bob';
  }

  drain(): void {
    this.done.push('drain');
  }
}

export interface PlayedControl extends Played {
  readonly host: PlayedHost;
  readonly endpoints: ControlEndpoints;
  readonly events: EventLog;
  /** Asks with the token of the admin where `fields` name no other, and answers status and body. */
  ask(method: string, path: string, fields?: readonly string[], body?: string): Promise<Answered>;
  /** Sends a request and leaves the rest to the test. */
  open(method: string, path: string, fields?: readonly string[], body?: string): Promise<Client>;
}

/** What most bodies hold, and whatever else. */
interface Body extends Record<string, unknown> {
  readonly seq: number;
  readonly total: number;
  readonly items: readonly Record<string, unknown>[];
}

export interface Answered {
  readonly status: number;
  readonly head: string;
  readonly text: string;
  /** The body as JSON. */
  json(): Body;
  /** Code of the error, and its message. */
  error(): [string, string];
}

export type ControlSetting = Partial<
  Pick<ControlApiOptions, 'metrics'> &
    Pick<DoorOptions, 'hosts' | 'origins'> & { policy: Policy; stallMs: number }
>;

export async function playControl(
  t: TestContext,
  setting: ControlSetting = {},
): Promise<PlayedControl> {
  const events = createEventLog();
  const log = createLogger({ level: 'silent', format: 'json' });
  const revocations = createRevocations();
  const authenticators = createAuthenticators({ identities }, { revocations, trouble() {} });
  const reception = createReception({ authenticators, events, guesses: createGuesses() });
  const host = new PlayedHost();
  const policy = setting.policy ?? createGrantPolicy('a test');
  const { hosts = new Set(['own.test']), origins = new Set(['https://ops.test']) } = setting;
  let count = 0;
  const endpoints = createControlEndpoints({
    door: createDoor({ hosts, origins, reception, events }),
    api: createControlApi({
      host,
      events,
      metrics: setting.metrics ?? null,
      policy: () => policy,
      log,
    }),
    isServiceHost: (name) => name.endsWith('.services.test'),
    newId: () => `c${++count}`,
    log,
    tickMs: 5,
    ...(setting.stallMs === undefined ? {} : { stallMs: setting.stallMs }),
  });
  t.after(() => endpoints.close());
  const played = await playIngress(t, { own: endpoints });

  const open: PlayedControl['open'] = async (method, path, fields = [], body = '') => {
    const given = (name: string): boolean => fields.some((field) => field.startsWith(`${name}:`));
    const lines = [
      `${method} ${path} HTTP/1.1`,
      ...(given('Host') ? [] : ['Host: own.test']),
      ...(given('Authorization') ? [] : [`Authorization: Bearer ${tokens.admin}`]),
      ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
      'Connection: close',
      'Accept: application/json',
      ...fields.filter((field) => field !== 'Authorization:'),
    ];
    return (await played.connect()).send(`${lines.join('\r\n')}\r\n\r\n${body}`);
  };
  return Object.assign(played, {
    host,
    endpoints,
    events,
    open,
    ask: async (...question: Parameters<typeof open>): Promise<Answered> =>
      answeredOf(await (await open(...question)).untilEnd()),
  });
}

function answeredOf(text: string): Answered {
  const end = text.indexOf('\r\n\r\n');
  const body = text.slice(end + 4);
  return {
    status: Number(text.slice(9, 12)),
    head: text.slice(0, end),
    text: body,
    json: () => JSON.parse(body) as Body,
    error() {
      const { error } = JSON.parse(body) as { error: { code: string; message: string } };
      return [error.code, error.message];
    },
  };
}
