/** Scripts that decide: Hubble's contract, and what it lacked. See `sandbox.ts`. */
import path from 'node:path';
import { SallyportError } from '../../../errors.ts';
import { printable } from '../../../net/printable.ts';
import type { AccessRequest, Decision, Policy, Tell } from '../policy.ts';
import { reasonFrom } from '../reason.ts';
import { createLuaPool } from './pool.ts';
import type { ScriptAnswer, ScriptQuestion } from './sandbox.ts';
import { readScript } from './script-file.ts';

export interface LuaPolicyOptions {
  /** Path of the script. It is read once. */
  readonly file: string;
  /** Where it stands in the configuration. */
  readonly place: string;
}

/** Rejects with CONFIG_INVALID for a file that cannot be read or is no Lua. */
export async function createLuaPolicy({ file, place }: LuaPolicyOptions): Promise<Policy> {
  const name = path.basename(file);
  const label = `${place} ${printable(name)}`;
  const pool = await createLuaPool({ text: readScript(file, place), name }).catch(
    (cause: Error) => {
      const why = printable(cause.message);
      throw new SallyportError('CONFIG_INVALID', `${place}: ${file}: ${why}`, { cause });
    },
  );

  async function authorize(request: AccessRequest, tell?: Tell): Promise<Decision> {
    const answer = await pool.ask(questionOf(request));
    const outcome = outcomeOf(answer, request.key);
    tell?.({ place: label, outcome });
    return { allow: 'allow' in answer && answer.allow, reason: `${label} ${outcome}` };
  }

  return { authorize, close: () => pool.close() };
}

function questionOf(request: AccessRequest): ScriptQuestion {
  const { action, identity, service, target, consumer, key } = request;
  return {
    ip: target?.host ?? '',
    port: target?.port ?? 0,
    gatename: service,
    key: key ?? '',
    action,
    identity: identity?.name ?? '',
    consumer,
  };
}

function outcomeOf(answer: ScriptAnswer, key: string | null): string {
  if ('wrong' in answer) return `gave no answer: ${reasonFrom(answer.wrong, key)}`;
  const verdict = answer.allow ? 'allows it' : 'denies it';
  const { reason = '' } = answer;
  return reason === '' ? verdict : `${verdict}: ${reasonFrom(reason, key)}`;
}
