/** Keeps the process that serves QUIC running: one that ends, or hangs, is replaced. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { SallyportError } from '../../errors.ts';
import {
  CLOSE_FLUSH_MS,
  QUIC_HANG_MS,
  QUIC_RESTART_MIN_MS,
  QUIC_START_TIMEOUT_MS,
  QUIC_WATCH_MS,
  RECONNECT_MAX_MS,
} from '../../limits.ts';
import type { HostPort } from '../../net/address.ts';
import type { Certificate } from '../certificate.ts';
import type { GatewayOptions } from './gateway.ts';
import type { FromGateway, ToGateway } from './gateway-messages.ts';

export interface SupervisorOptions {
  readonly gateway: GatewayOptions;
  /** The process ended or hung; another one takes its place. */
  lost(why: string): void;
  /** Another process serves. */
  restarted(): void;
}

export interface Supervisor {
  readonly address: HostPort;
  /** Of the present process. */
  readonly pid: number | undefined;
  useCertificate(certificate: Certificate): void;
  /** Lets the process end once its clients have been told, and resolves then. */
  close(): Promise<void>;
}

/** Tokens may stand in the environment: the process that reads strangers' datagrams has no use for it. */
const bare: NodeJS.ProcessEnv =
  process.env['SystemRoot'] === undefined ? {} : { SystemRoot: process.env['SystemRoot'] };

const file = path.join(import.meta.dirname, `gateway-process${path.extname(import.meta.filename)}`);

/** Resolves when it serves. Rejects with what kept the first process from serving. */
export async function superviseGateway(options: SupervisorOptions): Promise<Supervisor> {
  let { certificate, listen } = options.gateway;
  let child: ChildProcess | null = null;
  let watch: NodeJS.Timeout | null = null;
  let pause = 0;
  let closing = false;

  function start(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const started = fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: bare });
    child = started;
    let why: string | null = null;
    let serving = false;
    let seen = performance.now();
    const say = (message: ToGateway): void => {
      if (started.connected) started.send(message, () => {});
    };
    const deadline = performance.now() + QUIC_START_TIMEOUT_MS;
    // Measured in turns of ours: when this process did not get any, the other may have answered.
    let asked = performance.now();
    watch = setInterval(() => {
      const now = performance.now();
      if (now - asked > 2 * QUIC_WATCH_MS) seen += now - asked - QUIC_WATCH_MS;
      asked = now;
      say({ type: 'ask' });
      if (serving ? now - seen < QUIC_HANG_MS : now < deadline) return;
      why = 'it hung';
      started.kill('SIGKILL');
    }, QUIC_WATCH_MS);
    const timer = watch;
    started.on('message', (message: FromGateway) => {
      seen = performance.now();
      if (message.type === 'serving') {
        serving = true;
        pause = 0;
        resolve(message.port);
      } else if (message.type === 'failed') {
        reject(new SallyportError(message.code, message.message));
        why = message.message;
        started.kill('SIGKILL');
      }
    });
    started.on('error', (error) => void (why = error.message));
    started.on('exit', (code, signal) => {
      clearInterval(timer);
      if (child !== started) return;
      child = null;
      const text = why ?? `it ended with ${signal ?? `code ${code}`}`;
      reject(new SallyportError('INTERNAL', `quic: the process that serves it: ${text}`));
      if (serving) again(text);
    });
    say({ type: 'start', options: { ...options.gateway, listen, certificate } });
    return promise;
  }

  function again(why: string): void {
    if (closing) return;
    options.lost(why);
    setTimeout(() => {
      if (closing) return;
      start().then(options.restarted, (error: SallyportError) => again(error.message));
    }, pause);
    pause = Math.min(RECONNECT_MAX_MS, Math.max(QUIC_RESTART_MIN_MS, 2 * pause));
  }

  const port = await start();
  // The port that was given once stays: clients know it.
  listen = { ...listen, port };
  return {
    address: listen,
    get pid() {
      return child?.pid;
    },
    useCertificate(next) {
      certificate = next;
      const message: ToGateway = { type: 'certificate', certificate };
      if (child?.connected) child.send(message, () => {});
    },
    async close() {
      closing = true;
      clearInterval(watch ?? undefined);
      const ending = child;
      if (ending === null) return;
      const ended = once(ending, 'exit');
      const message: ToGateway = { type: 'close' };
      if (ending.connected) ending.send(message, () => {});
      const timer = setTimeout(() => ending.kill('SIGKILL'), 2 * CLOSE_FLUSH_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
