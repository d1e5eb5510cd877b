/** Clients by QUIC: through the process that serves it, past its end, and past the end of UDP. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test, type TestContext } from 'node:test';
import { createHeartbeat } from '../../src/session/heartbeat.ts';
import { openClientSession, type ClientSession } from '../../src/attach/client-session.ts';
import { createDialler, type Transport } from '../../src/attach/transport-choice.ts';
import { allScopes } from '../../src/access/identity.ts';
import type { Server } from '../../src/server/handle.ts';
import type { ServerOptions } from '../../src/server/options.ts';
import { composeServer } from '../support/composition.ts';
import { makeCertificate, temporaryFile } from '../support/files.ts';
import { openQuicRelay } from '../support/quic-relay.ts';
import { until, within } from '../support/wait.ts';

const token = 'sp_credential-of-the-quic-tests';

interface Stage {
  readonly server: Server;
  readonly ca: string;
  /** Attaches by a dialler of its own; `port`: of QUIC. */
  attach(transport: Transport | 'auto', port?: number, wrong?: string): Promise<Attached>;
}

interface Attached {
  readonly session: ClientSession;
  readonly chosen: Transport[];
  /** Dials again, as after a loss. */
  again(): Promise<ClientSession>;
}

async function stage(t: TestContext, options: Partial<ServerOptions> = {}): Promise<Stage> {
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const server = await composeServer(t, {
    identities: [{ name: 'ann', token, ...allScopes }],
    tls: {
      cert: temporaryFile(t, 'cert.pem', cert),
      key: temporaryFile(t, 'key.pem', key),
    },
    quicListen: { host: '127.0.0.1', port: 0 },
    ...options,
  });
  const heartbeat = createHeartbeat(1_000);
  t.after(() => heartbeat.close());
  return {
    server,
    ca: cert,
    async attach(transport, port = server.quicAddress!.port, wrong = token) {
      const chosen: Transport[] = [];
      const dialler = createDialler(transport, { chose: (other) => void chosen.push(other) });
      const instance = randomUUID();
      let epoch = 0;
      const again = (): Promise<ClientSession> => {
        const { signal } = new AbortController();
        const quic = { host: '127.0.0.1', port };
        return dialler.dial(
          {
            url: new URL(`https://127.0.0.1:${server.address.port}`),
            token: wrong,
            wayOut: { tls: { ca: cert }, quic },
            program: 'test/1',
            signal,
          },
          (dialled) =>
            openClientSession(dialled, {
              hello: {
                role: 'agent',
                instance,
                epoch: ++epoch,
                program: 'test/1',
                features: [],
              },
              heartbeat,
              accept() {
                throw new Error('no streams here');
              },
              signal,
            }),
        );
      };
      const session = await again();
      t.after(() => session.close());
      return { session, chosen, again };
    },
  };
}

const offer = (name: string) => ({ name, kind: 'http' as const });

describe('QUIC', () => {
  test('a client attaches, registers, and is told why it is sent away', async (t) => {
    const { server, attach } = await stage(t);
    const { session } = await attach('quic');
    const { urls } = await session.register(offer('web'));
    assert.equal(urls.length, 1);
    session.session.ping();
    await until('the round trip is known', () => session.session.rtt > 0);
    const closing = server.close(0);
    assert.equal(await within(5_000, session.draining), null);
    await within(5_000, session.closed);
    await closing;
  });

  test('a wrong token is refused by name, and nobody falls back over it', async (t) => {
    const { attach } = await stage(t);
    for (const transport of ['quic', 'auto'] as const)
      await assert.rejects(attach(transport, undefined, 'sp_wrong-token-of-the-quic-tests'), {
        code: 'AUTH_FAILED',
      });
  });

  test('auto falls back to WebSocket within 5 s where no datagram comes through', async (t) => {
    const { server, attach } = await stage(t);
    const relay = await openQuicRelay(t, server.quicAddress!.port);
    relay.cut();
    const began = performance.now();
    const { chosen } = await attach('auto', relay.port);
    assert.deepEqual(chosen, ['websocket']);
    assert.ok(performance.now() - began < 5_000);
  });

  test('auto takes QUIC where it works', async (t) => {
    const { attach } = await stage(t);
    assert.deepEqual((await attach('auto')).chosen, []);
  });

  for (const [signal, how] of [
    ['SIGSEGV', 'crashes'],
    ['SIGSTOP', 'hangs'],
  ] as const) {
    test(`a process for QUIC that ${how} is replaced within 2 s; the server serves on`, async (t) => {
      const { server, attach } = await stage(t);
      const beside = await attach('websocket');
      const { again } = await attach('quic');
      const before = server.quicPid!;
      const began = performance.now();
      process.kill(before, signal);
      await until('another process is there', () => {
        const pid = server.quicPid;
        return pid !== undefined && pid !== before;
      });
      const replaced = performance.now() - began;
      assert.ok(replaced < 2_000, `${replaced} ms`);
      const back = await within(5_000, again());
      const took = performance.now() - began;
      t.diagnostic(`a client is attached again after ${took.toFixed(0)} ms`);
      assert.ok(took < 4_000, `${took} ms`);
      await back.register(offer(`after-${signal.toLowerCase()}`));
      await beside.session.register(offer('beside'));
      back.close();
    });
  }

  test('quic_listen without a certificate is refused', async (t) => {
    const quicListen = { host: '127.0.0.1', port: 0 };
    await assert.rejects(composeServer(t, { quicListen }), { code: 'CONFIG_INVALID' });
  });
});
