/**
 * Sends a request to its target and gathers the response. Exactly the origin that was chosen is
 * dialled; redirects, codings and bodies are passed on as they come.
 */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_TARGET_TIMEOUT_MS } from '../../limits.ts';
import type { HeldBytes } from './held-bytes.ts';
import { freeOwnMemory } from './own-memory.ts';
import type { RequestMessage } from './request-message.ts';
import { ResponseGathering } from './response-gathering.ts';

export interface TargetCalls {
  /**
   * Resolves with the message of the response under this id, whose bytes count as held until `sent`
   * is called, and are gone then. Rejects with what went wrong on the way, SERVER_BUSY, or
   * RESPONSE_INVALID for a response that no message can hold. `signal` breaks it off: nobody waits
   * for the answer any more.
   */
  call(id: number, request: RequestMessage, target: URL, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

export interface Answer {
  readonly message: Buffer;
  sent(): void;
}

export function createTargetCalls(insecure: boolean, held: HeldBytes): TargetCalls {
  const plain = new http.Agent({ keepAlive: true });
  const secure = new https.Agent({ keepAlive: true });

  /** What must not run twice goes over a connection of its own: a kept one may be closing just now. */
  function send(
    { method, repeatable, target, fields, body }: RequestMessage,
    to: URL,
    signal: AbortSignal,
  ): http.ClientRequest {
    const hostname = to.hostname.replace(/^\[|\]$/g, '');
    const length = body === null ? [] : ['Content-Length', String(body.length)];
    const options: https.RequestOptions = {
      hostname,
      method,
      path: target === '*' ? target : `${to.pathname.replace(/\/$/, '')}${target}`,
      headers: ['Host', to.host, ...length, ...fields.flat()],
      timeout: WSTUNNEL_TARGET_TIMEOUT_MS,
      signal,
    };
    if (to.port !== '') options.port = to.port;
    const request =
      to.protocol === 'https:'
        ? https.request({
            ...options,
            agent: repeatable && secure,
            rejectUnauthorized: !insecure,
            servername: net.isIP(hostname) === 0 ? hostname : '',
          })
        : http.request({ ...options, agent: repeatable && plain });
    request.on('timeout', () => {
      const why = `${to.host} was silent for ${WSTUNNEL_TARGET_TIMEOUT_MS} ms`;
      request.destroy(new SallyportError('RESPONSE_TIMEOUT', `response: ${why}`));
    });
    // Without one there is no framing either: nothing is sent as an empty chunked body.
    request.useChunkedEncodingByDefault = false;
    return request.end(body ?? undefined);
  }

  async function responseOf(
    message: RequestMessage,
    target: URL,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const request = send(message, target, signal);
    try {
      return await new Promise<http.IncomingMessage>((resolve, reject) => {
        request.on('response', resolve).on('error', reject);
      });
    } catch (thrown) {
      if (!request.reusedSocket || (thrown as NodeJS.ErrnoException).code !== 'ECONNRESET')
        throw thrown;
      return responseOf(message, target, signal);
    }
  }

  return {
    async call(id, message, target, signal) {
      const response = await responseOf(message, target, signal);
      let counted = 0;
      const gathering = new ResponseGathering(id, message.method, response, (bytes) => {
        held.take(bytes);
        counted += bytes;
      });
      try {
        gathering.begin();
        for await (const piece of response as AsyncIterable<Buffer>) gathering.take(piece);
      } catch (thrown) {
        held.give(counted);
        response.destroy();
        throw thrown;
      }
      const whole = gathering.message();
      const sent = (): void => {
        held.give(counted);
        freeOwnMemory(whole);
      };
      return { message: whole, sent };
    },

    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
