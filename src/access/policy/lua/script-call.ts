/** The requests that scripts make by their module `http`: bounded, without redirects, text only. */
import {
  LUA_ANSWER_TIMEOUT_MS,
  POLICY_ANSWER_MAX_BYTES,
  POLICY_CALL_TIMEOUT_MS,
} from '../../../limits.ts';
import { callHttp } from '../../../net/http-call.ts';
import type { ScriptCall, ScriptCallAnswer } from './sandbox.ts';

const bounds = {
  timeoutMs: Math.min(POLICY_CALL_TIMEOUT_MS, LUA_ANSWER_TIMEOUT_MS),
  maxBytes: POLICY_ANSWER_MAX_BYTES,
};

/** Never rejects: what goes wrong is an answer to the script. */
export async function answerScript(text: string, signal: AbortSignal): Promise<string> {
  const answer = await answerCall(JSON.parse(text) as ScriptCall, signal).catch(
    (thrown: unknown) => ({ wrong: `http: ${(thrown as Error).message}` }),
  );
  return JSON.stringify(answer);
}

async function answerCall(call: ScriptCall, signal: AbortSignal): Promise<ScriptCallAnswer> {
  const { method, body } = call;
  const url = URL.parse(call.url);
  if (url === null || !/^https?:$/.test(url.protocol))
    return { wrong: 'http: what is to be called is no URL with http or https' };
  const headers = Array.isArray(call.headers) ? {} : (call.headers as Record<string, string>);
  const answer = await callHttp(url, { method, headers, body, ...bounds, signal });
  return {
    status: answer.status,
    headers: Object.fromEntries(
      Object.entries(answer.fields).map(([name, value]) => [asGoWrites(name), value]),
    ),
    body: new TextDecoder('utf-8', { fatal: true }).decode(answer.body),
  };
}

/** `content-type` as `Content-Type`: scripts for Hubble know fields by these names. */
function asGoWrites(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
