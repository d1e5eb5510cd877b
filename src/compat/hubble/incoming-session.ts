/** A session that the proxy opens at an agent: its target is dialled, then socket and session are joined. */
import dns from 'node:dns/promises';
import type { AllowList } from '../../access/allow.ts';
import { connectTarget, targetError, targetTimeout } from '../../agent/target-dial.ts';
import { asSallyportError, SallyportError } from '../../errors.ts';
import { LOCAL_SLAB_BYTES, TARGET_DIAL_TIMEOUT_MS } from '../../limits.ts';
import { formatAddress, type HostPort } from '../../net/address.ts';
import { canonicalHost } from '../../net/host.ts';
import { quoted } from '../../net/printable.ts';
import { SlabPool } from '../../net/slab.ts';
import type { Target } from '../../net/target.ts';
import { Wire, type WireReader } from '../../net/wire.ts';
import type { AccessLog, Outcome } from '../../observe/access-log.ts';
import { Splice, type SpliceEnd } from '../../session/splice.ts';
import type { Initiator } from './messages.ts';
import type { HubbleMux } from './mux.ts';
import type { HubbleStream } from './stream.ts';

export interface IncomingContext {
  /** Null: whatever is asked for is dialled, as the originals do. */
  readonly allow: AllowList | null;
  readonly accessLog: AccessLog;
}

const slabs = new SlabPool(LOCAL_SLAB_BYTES);

/** Answers in every case. The session is known before its answer leaves: data may follow at once. */
export function openIncoming(mux: HubbleMux, initiator: Initiator, context: IncomingContext): void {
  const session = new IncomingSession(initiator, context);
  session.begin(mux.accept(initiator, session));
}

class IncomingSession implements WireReader, SpliceEnd {
  /** What is kept of the message: an idle session should cost little. */
  readonly #initiator: Pick<Initiator, 'guid' | 'host' | 'port'>;
  readonly #context: IncomingContext;
  readonly #startedAt = performance.now();
  #stream!: HubbleStream;
  #splice: Splice | null = null;
  #target: Target | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Ends the attempt to dial. */
  #given: AbortController | null = new AbortController();

  constructor(initiator: Initiator, context: IncomingContext) {
    const { guid, host, port } = initiator;
    this.#initiator = { guid, host, port };
    this.#context = context;
  }

  begin(stream: HubbleStream): void {
    this.#stream = stream;
    const given = this.#given!;
    this.#timer = setTimeout(() => given.abort(this.#late()), TARGET_DIAL_TIMEOUT_MS);
    this.#resolve(given.signal).then(
      (target) => this.#dial(target),
      (error: unknown) => this.#refuse(asSallyportError(error)),
    );
  }

  /** With a list what was checked is dialled, and nothing else. */
  async #resolve(signal: AbortSignal): Promise<HostPort> {
    const { host, port } = this.#initiator;
    const canonical = canonicalHost(host);
    if (canonical === null || port === 0)
      throw new SallyportError(
        'TARGET_UNREACHABLE',
        `target ${quoted(`${host}:${port}`)}: no host and port`,
      );
    const { allow } = this.#context;
    if (allow === null) return { host: canonical, port };
    const { address } = await allow.resolveAllowed(canonical, port, lookup, signal);
    return { host: address, port };
  }

  #dial(address: HostPort): void {
    if (this.#stream.over) {
      this.#settle();
      return this.#log('closed');
    }
    const target = { kind: 'tcp', ...address, tls: false } as const;
    this.#target = target;
    const wire = Wire.dial((onread) => connectTarget(target, false, onread), slabs, this);
    this.#given!.signal.addEventListener('abort', () => wire.destroy(targetTimeout(target)));
    this.#splice = new Splice(wire, this).join(this.#stream);
    this.#stream.receiver = this.#splice;
    wire.socket.once('connect', () => {
      this.#settle();
      wire.reader = this.#splice!;
      this.#stream.answer(null);
    });
  }

  #settle(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
    this.#given = null;
  }

  #late(): SallyportError {
    const { host, port } = this.#initiator;
    const why = `not resolved within ${TARGET_DIAL_TIMEOUT_MS} ms`;
    return new SallyportError('TARGET_TIMEOUT', `target ${quoted(`${host}:${port}`)}: ${why}`);
  }

  #refuse(error: SallyportError): void {
    this.#settle();
    this.#stream.answer(error);
    this.#log(error.code, error.message);
  }

  // ---- The session, before its target is dialled ----

  data(): void {}

  finished(): void {}

  drained(): void {}

  reset(): void {
    this.#given?.abort(new SallyportError('STREAM_RESET', 'stream: given up by its consumer'));
  }

  // ---- The target's socket, until it is connected ----

  read(): boolean {
    return true;
  }

  ended(): void {}

  closed(error: Error | null): void {
    if (this.#splice!.error !== null) {
      this.#settle();
      return this.#log('closed');
    }
    this.#refuse(error instanceof SallyportError ? error : targetError(this.#target!, error));
  }

  // ---- The end ----

  spliced(_splice: Splice, error: Error | null): void {
    const broken = error instanceof SallyportError ? error.code : 'TARGET_CLOSED';
    this.#log(error === null ? 'ok' : broken);
  }

  #log(outcome: Outcome, error?: string): void {
    this.#context.accessLog.stream({
      id: this.#initiator.guid,
      service: '-',
      consumer: '-',
      ...(this.#target === null ? {} : { target: formatAddress(this.#initiator) }),
      bytesUp: this.#splice?.bytesIn ?? 0,
      bytesDown: this.#splice?.bytesOut ?? 0,
      ms: Math.round(performance.now() - this.#startedAt),
      outcome,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** The resolver of the system knows no end of its own: what it says after the signal is not waited for. */
async function lookup(host: string, signal: AbortSignal): Promise<string[]> {
  const given = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => given.reject(signal.reason));
  const answers = await Promise.race([dns.lookup(host, { all: true }), given.promise]);
  return answers.map(({ address }) => address);
}
