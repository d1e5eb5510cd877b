/** Streams to an agent's services without a server in between: what the opener is told, and the agent's log. */
import type { TestContext } from 'node:test';
import { openStream } from '../../src/attach/stream-head.ts';
import { receiveStream } from '../../src/agent/incoming-stream.ts';
import type { AgentService } from '../../src/agent/service.ts';
import type { SallyportError } from '../../src/errors.ts';
import type { Slab } from '../../src/net/slab.ts';
import type { StreamLine } from '../../src/observe/access-log.ts';
import type { StreamRequest, UpstreamReceiver } from '../../src/registry/upstream.ts';
import type { Stream } from '../../src/session/session.ts';
import { makeSessions, type SessionPair } from '../conformance/session-pair.ts';
import { noteStreams } from './composition.ts';
import { yamuxOver } from './sessions.ts';
import { until, within } from './wait.ts';

/** The opener of a stream: writes down what it is told. */
export class Visitor implements UpstreamReceiver {
  stream!: Stream;
  readonly told: string[] = [];
  readonly #pieces: Buffer[] = [];
  readonly #over = Promise.withResolvers<SallyportError | null>();

  accepted(): void {
    this.told.push('accepted');
  }

  data(slab: Slab, start: number, end: number): void {
    this.#pieces.push(Buffer.from(slab.bytes.subarray(start, end)));
    this.stream.credit(end - start);
  }

  finished(): void {
    this.told.push('finished');
    this.#over.resolve(null);
  }

  reset(error: SallyportError): void {
    this.told.push(error.code);
    this.#over.resolve(error);
  }

  drained(): void {}

  get heard(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  /** Sends, ends its direction, and resolves with what came back when the other end has ended too. */
  async say(words: string | Buffer): Promise<string> {
    this.stream.send(Buffer.from(words));
    this.stream.end();
    const error = await this.#settled();
    if (error !== null) throw error;
    return this.heard;
  }

  /** How the stream was refused or broken off. */
  async refusal(): Promise<SallyportError> {
    const error = await this.#settled();
    if (error === null) throw new Error(`it ended in order, after ${this.heard}`);
    return error;
  }

  #settled(): Promise<SallyportError | null> {
    return within(10_000, this.#over.promise, 'the end of the stream');
  }
}

export interface AgentStreams {
  readonly pair: SessionPair;
  readonly lines: StreamLine[];
  /** Opens a stream to the service `box`, where nothing else is said. */
  visit(request?: Partial<StreamRequest>): Visitor;
  /** The agent's line of that number, counted from 0. */
  line(n: number): Promise<StreamLine>;
}

export async function openAgentStreams(
  t: TestContext,
  services: readonly AgentService[],
): Promise<AgentStreams> {
  const pair = await makeSessions(t, yamuxOver('onread', 'zero'));
  const lines: StreamLine[] = [];
  const byName = new Map(services.map((service) => [service.offer.name, service]));
  const context = { service: (name: string) => byName.get(name), accessLog: noteStreams(lines) };
  pair.far.accept = (stream) => receiveStream(stream, context);
  return {
    pair,
    lines,
    visit(request = {}) {
      const visitor = new Visitor();
      const whole = { service: 'box', kind: 'tcp', consumer: '192.0.2.1:50000', id: 'x' } as const;
      visitor.stream = openStream(pair.near.session, { ...whole, ...request }, visitor);
      return visitor;
    },
    async line(n) {
      await until(`line ${n} is logged`, () => lines.length > n);
      return lines[n];
    },
  };
}
