/** Whether something on the way cuts connections that carry nothing for a while. */
import type net from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { SallyportError } from '../../errors.ts';
import { HANDSHAKE_TIMEOUT_MS, PROXY_ANSWER_MAX_BYTES } from '../../limits.ts';
import { readOff } from '../../net/read-off.ts';
import { openWayOut } from '../../transport/outgoing/way-out.ts';
import type { ExaminationOptions } from './options.ts';
import { tryStep, type Step } from './step.ts';

/** Makes a request, rests for `idleMs`, and makes another one on the same connection. */
export function idleCutOff(options: ExaminationOptions): Promise<Step> {
  const { server, wayOut, idleMs, signal } = options;
  return tryStep('idle', async () => {
    const socket = await openWayOut(server, wayOut, signal);
    try {
      await ask(socket, server);
      await rest(socket, idleMs, signal);
      await ask(socket, server);
      return `a connection may rest for ${idleMs / 1000} s`;
    } finally {
      socket.destroy();
    }
  });
}

/** One request for /healthz. */
async function ask(socket: net.Socket, server: URL): Promise<void> {
  const path = `${server.pathname.replace(/\/$/, '')}/healthz`;
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${server.host}\r\n\r\n`);
  await readOff(socket, {
    parse(bytes) {
      const text = bytes.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
      const end = head + 4 + Number(length ?? 0);
      return head < 0 || bytes.length < end ? null : { value: text, length: end };
    },
    maxBytes: PROXY_ANSWER_MAX_BYTES,
    timeoutMs: HANDSHAKE_TIMEOUT_MS,
    fault: (fault) =>
      cut(fault === 'late' ? 'it carries nothing any more, and nobody said so' : 'it was closed'),
  });
}

/** Rejects when the connection ends before its time. */
async function rest(socket: net.Socket, ms: number, signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const ended = new AbortController();
  const end = (): void => ended.abort();
  socket.on('end', end).on('close', end).on('error', end).resume();
  try {
    await setTimeout(ms, undefined, { signal: AbortSignal.any([signal, ended.signal]) });
  } catch {
    signal.throwIfAborted();
    throw cut(`it was closed after ${Math.round((performance.now() - began) / 1000)} s of rest`);
  } finally {
    socket.off('end', end).off('close', end).off('error', end).pause();
  }
}

function cut(why: string): SallyportError {
  return new SallyportError('LINK_IDLE_CUT', `idle connection: ${why}`);
}
