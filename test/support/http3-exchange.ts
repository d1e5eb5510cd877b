/** Recording receivers for both ends of HTTP/3 exchanges, and two ends joined in memory. */
import {
  createHttp3Connection,
  type Http3Connection,
} from '../../src/compat/reverst/http3/connection.ts';
import type { Field } from '../../src/compat/reverst/http3/field.ts';
import type { RequestHead, ResponseHead } from '../../src/compat/reverst/http3/heads.ts';
import type {
  BodyReceiver,
  ResponseReceiver,
  ServedExchange,
} from '../../src/compat/reverst/http3/request-stream.ts';
import type { SallyportError } from '../../src/errors.ts';
import { createMemoryConnection, type MemoryConnection } from './byte-streams.ts';

export const getRequest: RequestHead = {
  method: 'GET',
  scheme: 'https',
  authority: 'flipt.dev.local',
  path: '/',
  fields: [],
  contentLength: null,
};
export const okResponse: ResponseHead = { status: 200, fields: [], contentLength: null };

export interface Recorded extends ResponseReceiver {
  /** `interim 103`, `response 200`, `body`, `ended`, `failed CODE`, `drained`, `unwanted`, in order; `body` once in a row. */
  readonly calls: string[];
  text: string;
  head: ResponseHead | null;
  trailers: readonly Field[] | null;
  error: SallyportError | null;
}

export function createRecorded(): Recorded {
  const calls: string[] = [];
  const recorded: Recorded = {
    calls,
    text: '',
    head: null,
    trailers: null,
    error: null,
    interim: ({ status }) => void calls.push(`interim ${status}`),
    response(head) {
      recorded.head = head;
      calls.push(`response ${head.status}`);
    },
    body(bytes) {
      recorded.text += bytes.toString('latin1');
      if (calls.at(-1) !== 'body') calls.push('body');
    },
    ended(trailers) {
      recorded.trailers = trailers;
      calls.push('ended');
    },
    failed(error) {
      recorded.error = error;
      calls.push(`failed ${error.code}`);
    },
    drained: () => void calls.push('drained'),
    bodyUnwanted: () => void calls.push('unwanted'),
  };
  return recorded;
}

export interface Served {
  readonly exchange: ServedExchange;
  readonly head: RequestHead;
  readonly received: Recorded;
}

export interface JoinedEnds {
  readonly memory: MemoryConnection;
  readonly asking: Http3Connection;
  readonly serving: Http3Connection;
  readonly served: Served[];
  /** `asking goneAway`, `serving idle`, `asking failed H3...`. */
  readonly events: string[];
}

/** `asks`: the end that sends requests; in reverst the server. `handle` is called when a request has come. */
export function joinEnds(
  asks: 'client' | 'server',
  handle: (served: Served) => BodyReceiver | void = () => {},
  window?: number,
): JoinedEnds {
  const memory = createMemoryConnection(window);
  const events: string[] = [];
  const served: Served[] = [];
  const tell = (who: string) => ({
    goneAway: () => void events.push(`${who} goneAway`),
    idle: () => void events.push(`${who} idle`),
    failed: (error: Error) => void events.push(`${who} failed: ${error.message}`),
  });
  const near = memory[asks];
  const far = memory[asks === 'client' ? 'server' : 'client'];
  const asking = createHttp3Connection({ session: near, ...tell('asking') });
  const serving = createHttp3Connection({
    session: far,
    serve(exchange, head) {
      const received = createRecorded();
      const one = { exchange, head, received };
      served.push(one);
      return handle(one) ?? received;
    },
    ...tell('serving'),
  });
  near.acceptor = asking;
  far.acceptor = serving;
  return { memory, asking, serving, served, events };
}
