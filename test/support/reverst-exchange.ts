/** Requests of HTTP/3 to a client of reverst and its target, over a connection in memory. */
import type { TestContext } from 'node:test';
import { createRequestTarget } from '../../src/compat/reverst/client/request-target.ts';
import { serveExchange } from '../../src/compat/reverst/client/target-exchange.ts';
import type { RequestHead } from '../../src/compat/reverst/http3/heads.ts';
import type { Exchange } from '../../src/compat/reverst/http3/request-stream.ts';
import type { HandlerTarget } from '../../src/agent/service.ts';
import { parseTarget, type Target } from '../../src/net/target.ts';
import type { RequestLine } from '../../src/observe/access-log.ts';
import { createRecorded, getRequest, joinEnds, type Recorded } from './http3-exchange.ts';
import { startTcpTarget } from './tcp-targets.ts';
import { until } from './wait.ts';

export interface Asked {
  readonly exchange: Exchange;
  readonly got: Recorded;
  /** Delivers what is under way until the exchange is over, or the condition holds. */
  settled(condition?: () => boolean): Promise<void>;
}

export interface ServedTarget {
  /**
   * Sends a head; by default that of a GET, which `end` makes whole. What comes back is credited at
   * once, or never.
   */
  ask(head?: Partial<RequestHead>, reads?: boolean): Asked;
  readonly ends: ReturnType<typeof joinEnds>;
  /** Of the exchanges that are over. */
  readonly lines: readonly RequestLine[];
}

/** `window`: bytes on a stream without credit. */
export function serveTarget(target: Target | HandlerTarget, window?: number): ServedTarget {
  const lines: RequestLine[] = [];
  const context = {
    group: 'web',
    target: createRequestTarget(target, false),
    peer: '192.0.2.7',
    accessLog: { stream() {}, request: (line: RequestLine) => void lines.push(line) },
  };
  const ends = joinEnds(
    'server',
    ({ exchange, head }) => serveExchange(exchange, head, context),
    window,
  );
  return {
    ends,
    lines,
    ask(head = {}, reads = true) {
      const got = createRecorded();
      const { body } = got;
      got.body = (bytes) => {
        body(bytes);
        if (reads) exchange.credit(bytes.length);
      };
      const exchange = ends.asking.request({ ...getRequest, ...head }, got);
      return {
        exchange,
        got,
        async settled(condition = () => got.trailers !== null || got.error !== null) {
          await until('the exchange is over', () => {
            ends.memory.run();
            return condition();
          });
        },
      };
    },
  };
}

/** A target that answers each connection with these bytes once it has the head of a request, and closes. */
export async function answering(t: TestContext, answer: string): Promise<ServedTarget> {
  return serveTarget(await answeringTarget(t, answer));
}

export async function answeringTarget(t: TestContext, answer: string): Promise<Target> {
  const { address } = await startTcpTarget(t, (socket) => {
    let seen = '';
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1');
      if (seen.includes('\r\n\r\n') && !socket.writableEnded) socket.end(answer, 'latin1');
    });
  });
  return parseTarget(address);
}
