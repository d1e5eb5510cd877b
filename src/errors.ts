/**
 * Every refusal and failure that a user can meet, in one table: the HTTP status it becomes on the
 * ingress, the exit code it gives the command line, and what to do about it. A code is stable.
 */

/** Where along the road it went wrong. */
export type Hop = 'consumer' | 'server' | 'agent' | 'target';

interface ErrorKind {
  readonly hop: Hop;
  /** HTTP status on the ingress and at the attach door. */
  readonly http: number;
  /** Exit code of the command line. */
  readonly exit: number;
  /** True when dialling again cannot help: the credentials or the request must change first. */
  readonly fatal?: true;
  /** What the reader can do. */
  readonly advice: string;
}

// One line for each code, to be read as a table.
// oxfmt-ignore
const kinds = {
  USAGE: { hop: 'consumer', http: 400, exit: 2, fatal: true, advice: 'Run the command with --help.' },
  CONFIG_INVALID: { hop: 'consumer', http: 400, exit: 2, fatal: true, advice: 'Mend the named place; `sallyport config check FILE` checks the file.' },
  RUNTIME_TOO_OLD: { hop: 'consumer', http: 500, exit: 2, fatal: true, advice: 'Install Node.js 24 or later.' },
  LISTEN_FAILED: { hop: 'server', http: 500, exit: 4, fatal: true, advice: 'Choose another address or port, or stop what uses it.' },

  AUTH_REQUIRED: { hop: 'server', http: 401, exit: 3, fatal: true, advice: 'Give a token with --token, --token-file or SALLYPORT_TOKEN.' },
  AUTH_FAILED: { hop: 'server', http: 401, exit: 3, fatal: true, advice: 'Check the token: the server does not know it.' },
  DENIED: { hop: 'server', http: 403, exit: 3, fatal: true, advice: 'Ask the operator of the server to widen the scopes of this token, or to change the policy.' },
  NAME_INVALID: { hop: 'server', http: 400, exit: 2, fatal: true, advice: 'Names take letters, digits, dot, underscore and hyphen, 1 to 128 of them.' },
  NAME_TAKEN: { hop: 'server', http: 409, exit: 4, fatal: true, advice: 'Choose another --name, or stop the agent that holds it.' },
  HOST_TAKEN: { hop: 'server', http: 409, exit: 4, fatal: true, advice: 'Choose another --host or --path, or stop the agent that holds it.' },
  HOST_RESERVED: { hop: 'server', http: 409, exit: 4, fatal: true, advice: 'Choose a host other than the name of the server itself.' },
  PORT_TAKEN: { hop: 'server', http: 409, exit: 4, fatal: true, advice: 'Choose another --port, or 0 for any free one.' },
  PORT_DENIED: { hop: 'server', http: 403, exit: 3, fatal: true, advice: 'Choose a port in the range that the server allows (--tcp-ports on the server).' },
  REPLACED: { hop: 'server', http: 409, exit: 4, fatal: true, advice: 'A newer connection of the same agent has taken over.' },
  AUTH_UNAVAILABLE: { hop: 'server', http: 503, exit: 5, advice: 'Try again: the server could not find out just now whether the credentials are good.' },
  KICKED: { hop: 'server', http: 503, exit: 3, fatal: true, advice: 'An operator of the server ended it; ask them before you dial again.' },

  SERVER_UNREACHABLE: { hop: 'server', http: 502, exit: 5, advice: 'Check the URL in --server, and that the server is up and not behind a firewall.' },
  SERVER_NOT_SALLYPORT: { hop: 'server', http: 502, exit: 5, fatal: true, advice: 'Check the URL in --server: what answers there is not a Sallyport server, or a proxy before it removes upgrades.' },
  SERVER_TLS: { hop: 'server', http: 502, exit: 5, fatal: true, advice: 'Check the certificate of the server, or name its authority with --ca.' },
  PROXY_UNREACHABLE: { hop: 'consumer', http: 502, exit: 5, advice: 'Check the proxy in --proxy or in the environment (HTTPS_PROXY, ALL_PROXY), and that it is up.' },
  PROXY_TLS: { hop: 'consumer', http: 502, exit: 5, fatal: true, advice: 'Check the certificate of the proxy, or name its authority with --ca.' },
  PROXY_AUTH: { hop: 'consumer', http: 502, exit: 3, fatal: true, advice: 'Give the login of the proxy: http://USER:PASSWORD@HOST:PORT.' },
  PROXY_REFUSED: { hop: 'consumer', http: 502, exit: 5, advice: 'Ask who runs the proxy to allow connections to this server and port.' },
  PROXY_INVALID: { hop: 'consumer', http: 502, exit: 5, advice: 'Check that what listens there is a proxy of the kind that --proxy says.' },
  VERSION_UNSUPPORTED: { hop: 'server', http: 426, exit: 5, fatal: true, advice: 'Bring the agent and the server to versions that speak the same protocol.' },
  SERVER_BUSY: { hop: 'server', http: 503, exit: 5, advice: 'Try again later; the server is at one of its limits.' },
  SERVER_DRAINING: { hop: 'server', http: 503, exit: 5, advice: 'Try again; the server is shutting down.' },

  ROUTE_UNKNOWN: { hop: 'server', http: 404, exit: 6, fatal: true, advice: 'Check the host, path or token: no service is reachable under it.' },
  SERVICE_UNKNOWN: { hop: 'server', http: 404, exit: 6, fatal: true, advice: 'Check the name: no service of that name is registered.' },
  SERVICE_ABSENT: { hop: 'server', http: 503, exit: 6, advice: 'Start the agent of this service, or wait for it to come back.' },
  CONSUMER_AUTH: { hop: 'consumer', http: 401, exit: 3, fatal: true, advice: 'Give the credentials that this service asks for.' },
  TARGET_DENIED: { hop: 'agent', http: 403, exit: 3, fatal: true, advice: 'Add a matching --allow rule to the agent of this service.' },
  TARGET_REFUSED: { hop: 'target', http: 502, exit: 7, fatal: true, advice: 'Start the service behind the agent, or correct its target address.' },
  TARGET_UNREACHABLE: { hop: 'target', http: 502, exit: 7, fatal: true, advice: 'Check the target address as seen from the agent.' },
  TARGET_TIMEOUT: { hop: 'target', http: 504, exit: 7, fatal: true, advice: 'Check that the target answers from where the agent runs.' },
  TARGET_TLS: { hop: 'target', http: 502, exit: 7, fatal: true, advice: 'Check the certificate of the target, or use --insecure-target.' },
  TARGET_CLOSED: { hop: 'target', http: 502, exit: 7, advice: 'The service behind the agent closed the connection; see its own log.' },
  RESPONSE_INVALID: { hop: 'target', http: 502, exit: 7, advice: 'The service behind the agent answered with something that is not valid HTTP/1.1.' },
  RESPONSE_TIMEOUT: { hop: 'target', http: 504, exit: 7, advice: 'The service behind the agent took too long to answer.' },

  REQUEST_INVALID: { hop: 'consumer', http: 400, exit: 1, advice: 'The request is not valid HTTP/1.1 or is ambiguous; it was not passed on.' },
  REQUEST_TOO_LONG: { hop: 'consumer', http: 431, exit: 1, advice: 'Shorten the request line and the header fields.' },
  REQUEST_BODY_TOO_LONG: { hop: 'consumer', http: 413, exit: 1, fatal: true, advice: 'Send a shorter request body.' },
  REQUEST_UNSUPPORTED: { hop: 'consumer', http: 501, exit: 1, advice: 'Ask for it in another way: the message says what is not served here.' },
  REQUEST_TIMEOUT: { hop: 'consumer', http: 408, exit: 1, advice: 'Send the request without long pauses.' },

  TOO_MANY_STREAMS: { hop: 'server', http: 503, exit: 1, advice: 'Close streams, or raise the limit of streams in one session.' },
  RATE_LIMITED: { hop: 'server', http: 429, exit: 1, advice: 'Send fewer requests in a second, or ask the operator of the server to raise the limit.' },
  LIMIT_REACHED: { hop: 'server', http: 429, exit: 1, advice: 'Close what is not needed any more, or ask the operator of the server to raise the limit.' },
  STREAM_RESET: { hop: 'agent', http: 502, exit: 1, advice: 'One end broke the stream off; the message says why, or the log of the other end.' },
  SESSION_CLOSED: { hop: 'agent', http: 502, exit: 1, advice: 'The connection that carried the stream has ended.' },
  LINK_LOST: { hop: 'agent', http: 502, exit: 1, advice: 'The connection between agent and server broke; it is dialled again.' },
  LINK_IDLE_CUT: { hop: 'consumer', http: 502, exit: 5, advice: 'Something on the way closes idle connections: set --heartbeat to less than the time found.' },
  HEARTBEAT_LOST: { hop: 'agent', http: 502, exit: 1, advice: 'The other end was silent too long; the connection is dialled again.' },
  PROTOCOL_FRAME: { hop: 'agent', http: 400, exit: 1, advice: 'The peer broke the tunnel protocol; check that both ends are Sallyport.' },
  PROTOCOL_MESSAGE: { hop: 'agent', http: 400, exit: 1, advice: 'The peer sent a malformed message; check that both ends run the same version.' },
  HANDSHAKE_TIMEOUT: { hop: 'server', http: 408, exit: 5, advice: 'The other end did not finish its handshake in time.' },
  INTERNAL: { hop: 'server', http: 500, exit: 1, advice: 'This is a defect in Sallyport; please report it with the log line.' },
  CONTROL_UNKNOWN: { hop: 'server', http: 404, exit: 6, fatal: true, advice: 'Check the path, the id or the name: `sallyport ls` and `sallyport ps` show what is there.' },
  CONTROL_ABSENT: { hop: 'server', http: 501, exit: 1, fatal: true, advice: 'Start the server with what the message names.' },
  CONTROL_DENIED: { hop: 'server', http: 403, exit: 3, fatal: true, advice: 'Use a host name of the server itself; others, and web pages, have to be listed in control_hosts and control_origins.' },
  TOO_MANY_GUESSES: { hop: 'consumer', http: 429, exit: 3, advice: 'Wait a minute: too many wrong credentials came from this address.' },
  QUIC_UNAVAILABLE: { hop: 'consumer', http: 501, exit: 5, fatal: true, advice: 'Use another transport, or install the optional package @matrixai/quic on a platform that it has a build for.' },
  CLUSTER_DENIED: { hop: 'server', http: 503, exit: 3, fatal: true, advice: 'Give the service account of the pod the role that the message names.' },
  CLUSTER_UNAVAILABLE: { hop: 'server', http: 503, exit: 5, advice: 'Try again: the API server of the cluster did not answer as it should.' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof kinds;

/** What the table says of a code. */
export const errorKinds: Readonly<Record<ErrorCode, ErrorKind>> = kinds;

/** A named failure. The message reads `what: why`; `cause` is for logs only and never leaves the process. */
export class SallyportError extends Error {
  readonly code: ErrorCode;
  override readonly name = 'SallyportError';

  readonly #http: number | undefined;

  /** `http`: a status in place of the table's. */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown; http?: number }) {
    super(message, options);
    this.code = code;
    this.#http = options?.http;
  }

  get hop(): Hop {
    return errorKinds[this.code].hop;
  }

  get advice(): string {
    return errorKinds[this.code].advice;
  }

  get http(): number {
    return this.#http ?? errorKinds[this.code].http;
  }

  get exit(): number {
    return errorKinds[this.code].exit;
  }

  /** Trying again cannot help. */
  get fatal(): boolean {
    return errorKinds[this.code].fatal === true;
  }
}

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(kinds, value);
}

/** Any thrown value as a SallyportError: itself, or an INTERNAL one that carries it as its cause. */
export function asSallyportError(thrown: unknown): SallyportError {
  if (thrown instanceof SallyportError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SallyportError('INTERNAL', `unexpected failure: ${message}`, { cause: thrown });
}
