/**
 * The messages of the control stream, protocol `sallyport.v1`, and their validation. Whatever does
 * not have the exact shape is a PROTOCOL_MESSAGE error that names the field.
 */
import { errorKinds, isErrorCode, SallyportError, type ErrorCode, type Hop } from '../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS, SERVICE_URLS_MAX_CHARS } from '../limits.ts';

export const PROTOCOL = 'sallyport.v1';
export const PROTOCOL_VERSION = 1;

/** Entries of a list in a message, such as the hosts of an offer. */
const LIST_MAX = 256;

export type Role = 'agent' | 'consumer';

/** First message of the dialler. */
export interface Hello {
  type: 'hello';
  version: number;
  role: Role;
  /** Random id of the dialling process; the same on every redial. */
  instance: string;
  /** Counts the dials of this instance: the higher one replaces the lower. */
  epoch: number;
  /** Program and version, for logs. */
  program: string;
  features: string[];
}

/** The server's answer to `hello`. */
export interface Welcome {
  type: 'welcome';
  version: number;
  /** Names this session in the server's log. */
  session: string;
  program: string;
  features: string[];
}

/** What an agent offers. Everything about the target itself stays with the agent. */
export interface ServiceOffer {
  name: string;
  kind: 'http' | 'tcp';
  /** http: further hosts, exact or `*.example.com`. */
  hosts?: string[];
  /** http: serve only below this path prefix, on `hosts`, or on the server's own hosts when there are none. */
  path?: string;
  /** http: rendez-vous token, at least 16 characters. */
  rendezvousToken?: string;
  /** http: the Host header the target is to see. */
  rewriteHost?: string;
  /** http: `sha256:<hex>` of the `user:password` that consumers must present. */
  consumerAuth?: string;
  /** tcp: public port on the server; 0 for any. Absent: private. */
  port?: number;
  /** tcp: TLS server names that are passed through on the server's passthrough port. */
  sni?: string[];
  /** One agent only: the first keeps the name, or the latest takes it. Absent: balanced. */
  exclusive?: 'first' | 'latest';
  balance?: 'round-robin' | 'least-streams';
}

export interface Register {
  type: 'register';
  /** Chosen by the agent; the answer repeats it. */
  ref: number;
  service: ServiceOffer;
}

export interface Registered {
  type: 'registered';
  ref: number;
  /** Where the service can be reached. */
  urls: string[];
  port?: number;
}

export interface Unregister {
  type: 'unregister';
  name: string;
}

/** The server is going away: dial again. */
export interface Drain {
  type: 'drain';
}

export interface Failure {
  type: 'error';
  /** The request that failed; absent when the session itself did, which then ends. */
  ref?: number;
  code: ErrorCode;
  message: string;
}

export type ControlMessage = Hello | Welcome | Register | Registered | Unregister | Drain | Failure;

/** Checks a message from the peer. */
export function readControlMessage(value: unknown): ControlMessage {
  const f = fieldsOf(value, 'message');
  const type = f.string('type');
  switch (type) {
    case 'hello':
      return {
        type,
        version: f.integer('version'),
        role: f.oneOf('role', ['agent', 'consumer']),
        instance: f.string('instance', 128),
        epoch: f.integer('epoch'),
        program: f.string('program', 128),
        features: f.strings('features'),
      };
    case 'welcome':
      return {
        type,
        version: f.integer('version'),
        session: f.string('session', 128),
        program: f.string('program', 128),
        features: f.strings('features'),
      };
    case 'register':
      return { type, ref: f.integer('ref'), service: readOffer(f.object('service')) };
    case 'registered':
      return {
        type,
        ref: f.integer('ref'),
        // One for each host of the offer, and a few more.
        urls: f.strings('urls', 2 * LIST_MAX, SERVICE_URLS_MAX_CHARS),
        ...f.optional('port', f.integer),
      };
    case 'unregister':
      return { type, name: f.string('name', 128) };
    case 'drain':
      return { type };
    case 'error':
      return { type, ...f.optional('ref', f.integer), ...readFailure(value) };
    default:
      throw malformed(`unknown type ${JSON.stringify(type).slice(0, 40)}`);
  }
}

function readOffer(value: unknown): ServiceOffer {
  const f = fieldsOf(value, 'service');
  return {
    name: f.string('name', 128),
    kind: f.oneOf('kind', ['http', 'tcp']),
    ...f.optional('hosts', f.strings),
    ...f.optional('path', f.string),
    ...f.optional('rendezvousToken', f.string),
    ...f.optional('rewriteHost', f.string),
    ...f.optional('consumerAuth', f.string),
    ...f.optional('port', f.integer),
    ...f.optional('sni', f.strings),
    ...f.optional('exclusive', (name) => f.oneOf(name, ['first', 'latest'] as const)),
    ...f.optional('balance', (name) => f.oneOf(name, ['round-robin', 'least-streams'] as const)),
  };
}

/** The code and message of a failure; a code this version does not know becomes STREAM_RESET. */
export function readFailure(value: unknown): { code: ErrorCode; message: string } {
  const f = fieldsOf(value, 'error');
  const code = f.string('code', 64);
  const message = f.string('message', FAILURE_MESSAGE_MAX_CHARS);
  return isErrorCode(code)
    ? { code, message }
    : { code: 'STREAM_RESET', message: `${code}: ${message}` };
}

/** What is told to a peer about an error: never its cause. */
export function failureOf({ code, message }: SallyportError): {
  code: ErrorCode;
  message: string;
  hop: Hop;
} {
  const cut = message.slice(0, FAILURE_MESSAGE_MAX_CHARS);
  return { code, message: cut, hop: errorKinds[code].hop };
}

/** Reads the fields of a JSON object, each checked for its type and length. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${what} is not an object`);
  }
  return new Fields(value as Record<string, unknown>, what);
}

export class Fields {
  #value: Record<string, unknown>;
  #what: string;

  constructor(value: Record<string, unknown>, what: string) {
    this.#value = value;
    this.#what = what;
  }

  #wrong(name: string, wanted: string): SallyportError {
    return malformed(`${this.#what}.${name} is not ${wanted}`);
  }

  string = (name: string, max = 4096): string => {
    const v = this.#value[name];
    if (typeof v !== 'string' || v.length > max)
      throw this.#wrong(name, `a string of at most ${max} characters`);
    return v;
  };

  integer = (name: string): number => {
    const v = this.#value[name];
    if (typeof v !== 'number' || !Number.isSafeInteger(v) || v < 0)
      throw this.#wrong(name, 'a whole number');
    return v;
  };

  strings = (name: string, most = LIST_MAX, max = 1024): string[] => {
    const v = this.#value[name];
    const ok =
      Array.isArray(v) &&
      v.length <= most &&
      v.every((s) => typeof s === 'string' && s.length <= max);
    if (!ok) throw this.#wrong(name, 'a list of strings');
    return v as string[];
  };

  object(name: string): unknown {
    return this.#value[name];
  }

  oneOf<const T extends string>(name: string, values: readonly T[]): T {
    const v = this.#value[name];
    const found = values.find((x) => x === v);
    if (found === undefined) throw this.#wrong(name, `one of ${values.join(', ')}`);
    return found;
  }

  /** The field under its name, or nothing when it is absent. */
  optional<const K extends string, T>(name: K, read: (name: K) => T): { [P in K]?: T } {
    return this.#value[name] === undefined ? {} : ({ [name]: read(name) } as { [P in K]?: T });
  }
}

function malformed(why: string): SallyportError {
  return new SallyportError('PROTOCOL_MESSAGE', `message: ${why}`);
}
