/** One connection of the client to its server: requests come as messages, and each is answered under its id. */
import { asSallyportError, SallyportError } from '../../errors.ts';
import { WSTUNNEL_MESSAGE_MAX_BYTES, WSTUNNEL_REQUESTS_MAX } from '../../limits.ts';
import { HEADROOM, type Slab } from '../../net/slab.ts';
import { printable } from '../../net/printable.ts';
import type { LinkReceiver } from '../../transport/link.ts';
import type { WebSocketLink } from '../../transport/websocket/link.ts';
import type { HeldBytes } from './held-bytes.ts';
import { ID_BYTES, parseId } from './message-id.ts';
import { readRequestMessage } from './request-message.ts';
import { refusalMessage } from './response-message.ts';
import type { TargetCalls } from './target-call.ts';
import { chooseTarget, type TargetChoice } from './target-choice.ts';

export interface ClientSessionOptions {
  readonly choice: TargetChoice;
  readonly calls: TargetCalls;
  readonly held: HeldBytes;
  /** A request was not sent to its target, or that failed; it was answered by this client. */
  failed(line: FailedLine): void;
  closed(error: SallyportError | null): void;
  /** Something came from the server. */
  alive(): void;
}

export interface FailedLine {
  readonly id: number;
  readonly method: string;
  readonly target: string;
  readonly ms: number;
  readonly failure: string;
}

export class ClientSession implements LinkReceiver {
  readonly #link: WebSocketLink;
  readonly #options: ClientSessionOptions;
  #pieces: Buffer[] = [];
  #length = 0;
  /** Why the message that is arriving is thrown away. */
  #refused: SallyportError | null = null;
  #requests = 0;
  /** The tunnel is gone: nobody waits for an answer any more. */
  readonly #over = new AbortController();

  constructor(link: WebSocketLink, options: ClientSessionOptions) {
    this.#link = link;
    this.#options = options;
    link.receive(this);
  }

  // ---- Messages in ----

  bytes(slab: Slab, start: number, end: number): void {
    const n = end - start;
    if (this.#refused !== null) return;
    if (this.#length + n > WSTUNNEL_MESSAGE_MAX_BYTES + ID_BYTES) {
      const why = `it is longer than ${WSTUNNEL_MESSAGE_MAX_BYTES} bytes`;
      throw new SallyportError('PROTOCOL_MESSAGE', `wstunnel message: ${why}`);
    }
    this.#length += n;
    this.#pieces.push(Buffer.from(slab.bytes.subarray(start, end)));
    try {
      this.#options.held.take(n);
    } catch (thrown) {
      this.#refused = asSallyportError(thrown);
      this.#options.held.give(this.#length - n);
    }
  }

  messageEnded(): void {
    const bytes = Buffer.concat(this.#pieces);
    const refused = this.#refused;
    this.#pieces = [];
    this.#length = 0;
    this.#refused = null;
    const done = (): void => {
      if (refused === null) this.#options.held.give(bytes.length);
    };
    let id: number;
    try {
      id = parseId(bytes.toString('latin1', 0, ID_BYTES));
    } catch (thrown) {
      done();
      throw thrown;
    }
    if (refused !== null) return this.#fail(id, refused);
    if (this.#requests >= WSTUNNEL_REQUESTS_MAX) {
      done();
      const why = `${WSTUNNEL_REQUESTS_MAX} requests are under way`;
      return this.#fail(id, new SallyportError('SERVER_BUSY', `wstunnel: ${why}`));
    }
    this.#requests++;
    void this.#serve(id, bytes.subarray(ID_BYTES)).finally(() => {
      this.#requests--;
      done();
    });
  }

  // ---- Answers ----

  async #serve(id: number, bytes: Buffer): Promise<void> {
    const { choice, calls, failed } = this.#options;
    const startedAt = performance.now();
    let place = { method: '', target: '' };
    const tell = (failure: string): void =>
      failed({ id, ...place, ms: Math.round(performance.now() - startedAt), failure });
    try {
      const request = readRequestMessage(bytes);
      place = { method: request.method, target: request.target.split('?')[0] };
      const chosen = chooseTarget(choice, request.xHost);
      if (!(chosen instanceof URL)) {
        this.#send(refusalMessage(id, chosen));
        return tell(chosen.text);
      }
      const { message, sent } = await calls.call(id, request, chosen, this.#over.signal);
      this.#send(message, sent);
    } catch (thrown) {
      const error = thrown instanceof SallyportError ? thrown : unreachable(thrown as Error);
      this.#fail(id, error);
      tell(error.message);
    }
  }

  #fail(id: number, error: SallyportError): void {
    const text = error.code === 'INTERNAL' ? 'internal error' : printable(error.message);
    this.#send(refusalMessage(id, { status: error.http, text }));
  }

  #send(message: Buffer, sent?: () => void): void {
    if (this.#over.signal.aborted) return sent?.();
    this.#link.gather();
    if (this.#link.send(message, HEADROOM, message.length)) sent?.();
    else if (sent !== undefined) this.#link.afterSends(sent);
  }

  closed(error: SallyportError | null): void {
    this.#over.abort();
    if (this.#refused === null) this.#options.held.give(this.#length);
    this.#pieces = [];
    this.#options.closed(error);
  }

  // ---- Signs of life, for a heartbeat ----

  takeActivity(): boolean {
    const active = this.#link.takeActivity();
    if (active) this.#options.alive();
    return active;
  }

  ping(): void {
    this.#link.ping();
  }

  close(error: SallyportError | null): void {
    this.#link.close(error);
  }
}

function unreachable(cause: Error): SallyportError {
  return new SallyportError('TARGET_UNREACHABLE', `target: ${cause.message}`, { cause });
}
