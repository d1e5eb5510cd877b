/**
 * A service that decides. It gets each question as a JSON object by POST, and answers 200 with
 * `{"allow": true}` or `{"allow": false, "reason": "…"}`; everything else is a refusal.
 */
import http from 'node:http';
import https from 'node:https';
import {
  POLICY_ANSWER_MAX_BYTES,
  POLICY_CALL_TIMEOUT_MS,
  POLICY_CONNECTIONS_MAX,
  POLICY_QUESTIONS_MAX,
} from '../../limits.ts';
import { formatAddress } from '../../net/address.ts';
import { callHttp, type HttpAnswer } from '../../net/http-call.ts';
import type { AccessRequest, Decision, Policy, Tell } from './policy.ts';
import { reasonFrom } from './reason.ts';

export interface HttpPolicyOptions {
  /** With http or https. Redirects are not followed. */
  readonly url: URL;
  /** Where it stands in the configuration. */
  readonly place: string;
  /** From the question to the whole answer, in milliseconds. Default: POLICY_CALL_TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };

export function createHttpPolicy(options: HttpPolicyOptions): Policy {
  const { url, place, timeoutMs = POLICY_CALL_TIMEOUT_MS } = options;
  const kept = { keepAlive: true, maxSockets: POLICY_CONNECTIONS_MAX };
  const agent = url.protocol === 'https:' ? new https.Agent(kept) : new http.Agent(kept);
  const closing = new AbortController();
  const label = `${place} ${url.host}`;
  let waiting = 0;

  async function ask(request: AccessRequest): Promise<Decision> {
    if (closing.signal.aborted) throw new Error('the policy is no longer in force');
    if (waiting >= POLICY_QUESTIONS_MAX)
      throw new Error(`${POLICY_QUESTIONS_MAX} questions wait for it already`);
    waiting++;
    try {
      const bounds = { timeoutMs, maxBytes: POLICY_ANSWER_MAX_BYTES, signal: closing.signal };
      const body = JSON.stringify(questionOf(request));
      return read(await callHttp(url, { method: 'POST', headers, body, agent, ...bounds }));
    } finally {
      waiting--;
    }
  }

  async function authorize(request: AccessRequest, tell?: Tell): Promise<Decision> {
    const { allow, reason } = await ask(request).catch((thrown: Error) => ({
      allow: false,
      reason: `gave no answer: ${thrown.message}`,
    }));
    const outcome = reasonFrom(reason, request.key);
    tell?.({ place: label, outcome });
    return { allow, reason: `${label} ${outcome}` };
  }

  return {
    authorize,
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}

function questionOf(request: AccessRequest): object {
  const { action, identity, service, target, consumer, key } = request;
  return {
    action,
    identity: identity?.name ?? null,
    service,
    target: target === null ? null : formatAddress(target),
    consumer,
    ...(key === null ? {} : { key }),
  };
}

function read({ status, body }: HttpAnswer): Decision {
  if (status !== 200) throw new Error(`it answered with status ${status}`);
  const { allow, reason = '' } = parse(body);
  if (typeof allow !== 'boolean' || typeof reason !== 'string')
    throw new Error('its answer is no {"allow": true or false, "reason": text}');
  const verdict = allow ? 'allows it' : 'denies it';
  return { allow, reason: reason === '' ? verdict : `${verdict}: ${reason}` };
}

function parse(body: Buffer): { allow?: unknown; reason?: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
