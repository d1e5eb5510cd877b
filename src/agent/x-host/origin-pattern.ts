/**
 * The regexp of allowed X-Host values. Go's, which takes no longer than its input is long, becomes
 * one of JavaScript, which may: so its time is bounded, and one that takes too long has not matched.
 */
import vm from 'node:vm';
import { SallyportError } from '../../errors.ts';
import { WSTUNNEL_REGEXP_MS } from '../../limits.ts';
import { quoted } from '../../net/printable.ts';
import { parseOrigin } from './origin.ts';

export interface OriginPattern {
  /** The first match is the whole text: an alternative that matches less of it comes first in vain. */
  matches(text: string): boolean;
}

const run = new vm.Script('pattern.exec(text)?.[0] ?? null');

/** Throws USAGE for what is no regexp, or means something else in JavaScript. */
export function createOriginPattern(source: string): OriginPattern {
  const pattern = translate(source);
  const context = vm.createContext({ pattern, text: '' });
  return {
    matches(text) {
      context['text'] = text;
      try {
        return run.runInContext(context, { timeout: WSTUNNEL_REGEXP_MS }) === text;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
        throw thrown;
      }
    },
  };
}

/** The origin that an X-Host names, where it is one and allowed; else null. */
export function allowedOrigin(allowed: OriginPattern, value: string): URL | null {
  const origin = parseOrigin(value);
  // As it was written and as it is dialled are the same origin here, with or without its default port.
  if (origin !== null && (allowed.matches(value) || allowed.matches(origin.origin))) return origin;
  return null;
}

function translate(source: string): RegExp {
  const [, flags = '', rest] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(source)!;
  const foreign = /\[\[:|\(\?[a-zA-Z-]+[:)]|\\[QECpP]/.exec(rest)?.[0];
  if (foreign !== undefined) throw wrong(source, `${quoted(foreign)} is not known here`);
  const text = rest
    .replaceAll('(?P<', '(?<')
    .replace(/\\([Az])/g, (_, letter: string) => (letter === 'A' ? '^' : '$'));
  try {
    return new RegExp(text, flags);
  } catch (thrown) {
    throw wrong(source, (thrown as Error).message);
  }
}

function wrong(source: string, why: string): SallyportError {
  return new SallyportError('USAGE', `regexp ${quoted(source)}: ${why}`);
}
