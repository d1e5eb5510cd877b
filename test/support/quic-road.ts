/** A server with QUIC beside WebSocket, in the process of the test, and clients that come by either. */
import type { TestContext } from 'node:test';
import type { AgentOptions } from '../../src/agent/agent.ts';
import type { AgentService } from '../../src/agent/service.ts';
import type { Transport } from '../../src/attach/transport-choice.ts';
import type { Consumer } from '../../src/consumer/consumer.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { Server } from '../../src/server/handle.ts';
import { composeConsumer, composeServer, runAgent, type RunningAgent } from './composition.ts';
import { Endpoint } from './endpoint.ts';
import { makeCertificate, temporaryFile } from './files.ts';

/** A consumer that stays attached. */
export interface StayingConsumer {
  readonly consumer: Consumer;
  /** How often it has been attached. */
  readonly attachments: () => number;
  readonly losses: readonly (ErrorCode | null)[];
  /** Transports that were taken in place of the first one. */
  readonly chosen: readonly Transport[];
}

export interface QuicRoad {
  readonly server: Server;
  /** The certificate of its authority, as PEM. */
  readonly ca: string;
  agent(
    transport: Transport,
    services: readonly AgentService[],
    options?: Partial<AgentOptions>,
  ): RunningAgent;
  /** `port`: of QUIC, where it is not reached directly. */
  consumer(transport: Transport | 'auto', heartbeatMs?: number, port?: number): StayingConsumer;
}

export async function openQuicRoad(t: TestContext): Promise<QuicRoad> {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const server = await composeServer(t, {
    tls: {
      cert: temporaryFile(t, 'cert.pem', cert),
      key: temporaryFile(t, 'key.pem', key),
    },
    quicListen: { host: '127.0.0.1', port: 0 },
  });
  const dial = (port = server.quicAddress!.port) => ({
    server: new URL(`https://127.0.0.1:${server.address.port}`),
    wayOut: { tls: { ca: cert }, quic: { host: '127.0.0.1', port } },
  });
  return {
    server,
    ca: cert,
    agent(transport, services, options) {
      const by = { ...dial(), transport, keepTrying: true };
      return runAgent(t, server.address, services, { ...by, ...options });
    },
    consumer(transport, heartbeatMs = 5_000, port) {
      const chosen: Transport[] = [];
      const losses: (ErrorCode | null)[] = [];
      let attachments = 0;
      const consumer = composeConsumer(t, server.address, {
        ...dial(port),
        transport,
        heartbeatMs,
        chose: (other) => void chosen.push(other),
      });
      const ended = new AbortController();
      t.after(() => ended.abort());
      const staying = consumer.stayAttached({
        attached: () => void attachments++,
        lost: (error) => void losses.push(error?.code ?? null),
        keepTrying: true,
        signal: ended.signal,
      });
      staying.catch(() => {});
      return { consumer, attachments: () => attachments, losses, chosen };
    },
  };
}

/** Of the pattern to push to services that send back what they get. */
export const ECHO_SEED = 11;

/** A stream to such a service. */
export function echoOn(consumer: Consumer, service: string): Endpoint {
  const end = new Endpoint(ECHO_SEED);
  end.stream = consumer.open({ service }, end);
  return end;
}
