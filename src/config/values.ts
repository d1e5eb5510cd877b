/**
 * The kinds of value an option can have. Every source (flag, variable, file) hands over text, so one
 * reading serves all three; a kind turns it into what the program uses or says what is wrong with it.
 */
import { z } from 'zod';
import { quoted } from '../net/printable.ts';

/** What is told about an option besides its kind. */
export interface OptionFacts {
  /** One or two sentences for `--help` and the reference. */
  readonly help: string;
  /** Stands for the value in `--help`. A switch has none. */
  readonly value?: string;
  /** One letter: `-w` besides `--watch`. */
  readonly short?: string;
  /** The value is never shown, and `file:PATH` names a file that holds it. */
  readonly secret?: true;
  /**
   * Names a file that has to be readable. A relative one stands beside the file that names it. With
   * `followed`, whoever uses the file reads it again by himself when it changes; one that is `written`
   * need not be there yet. A `place` is as one that is followed, and may begin with `file://`, or be
   * something else with a scheme of its own, such as `k8s://…`.
   */
  readonly path?: true | 'followed' | 'written' | 'place';
  /** A running server takes another value over: always, or as long as there was one and is one. */
  readonly live?: true | 'while set';
  /** Another way to give the named secret: the path of a file that holds it. */
  readonly fileOf?: string;
  /** False: makes sense on the command line only. */
  readonly env?: false;
  /** False: no key of configuration files. */
  readonly file?: false;
  /** Variables of the surroundings that stand in for the default. */
  readonly ambient?: { readonly names: string; read(env: NodeJS.ProcessEnv): string | undefined };
}

export const optionFacts = z.registry<OptionFacts>();

export function option<S extends z.ZodType>(schema: S, facts: OptionFacts): S {
  optionFacts.add(schema, facts);
  return schema;
}

/** Free text in one line. `check` returns what is wrong with it, or null. */
export function text(check?: (value: string) => string | null) {
  return z.string().superRefine((value, context) => {
    const wrong = emptyOrUnprintable(value) ?? check?.(value) ?? null;
    if (wrong !== null) context.addIssue({ code: 'custom', message: wrong });
  });
}

/** Text that a parser of another folder understands: its error says what is wrong. */
export function parsable(parse: (value: string) => unknown) {
  return text((value) => {
    try {
      parse(value);
      return null;
    } catch (thrown) {
      return thrown instanceof Error ? thrown.message : String(thrown);
    }
  });
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/;

/** `200ms`, `30s`, `1.5m`, `1h` to milliseconds. The bounds are milliseconds too. */
export function duration({ min, max }: { min: number; max: number }) {
  return z.string().transform((value, context) => {
    const match = DURATION.exec(value);
    if (match === null) {
      const mend = /^\d+$/.test(value) ? `add the unit: ${value}s` : 'write 200ms, 30s, 5m or 1h';
      return refuse(context, `must be a duration, not ${quoted(value)}; ${mend}`);
    }
    const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
    if (ms < min || ms > max) {
      return refuse(
        context,
        `is ${value}; choose between ${formatDuration(min)} and ${formatDuration(max)}`,
      );
    }
    return ms;
  });
}

/** Milliseconds in the largest unit that leaves a whole number. */
export function formatDuration(ms: number): string {
  const unit =
    (['h', 'm', 's'] as const).find((name) => ms >= UNIT_MS[name] && ms % UNIT_MS[name] === 0) ??
    'ms';
  return `${ms / UNIT_MS[unit]}${unit}`;
}

const UNIT_BYTES = { KB: 1_024, MB: 1_024 ** 2, GB: 1_024 ** 3 } as const;
const SIZE = /^(\d{1,12}(?:\.\d{1,3})?)(KB|MB|GB)$/;

/** `512KB`, `10MB`, `1.5GB` to bytes; a KB is 1,024 of them. The bounds are bytes too. */
export function byteSize({ min, max }: { min: number; max: number }) {
  return z.string().transform((value, context) => {
    const match = SIZE.exec(value);
    if (match === null)
      return refuse(context, `must be a size, not ${quoted(value)}; write 512KB, 10MB or 1GB`);
    const bytes = Math.round(Number(match[1]) * UNIT_BYTES[match[2] as keyof typeof UNIT_BYTES]);
    if (bytes >= min && bytes <= max) return bytes;
    return refuse(
      context,
      `is ${value}; choose between ${formatByteSize(min)} and ${formatByteSize(max)}`,
    );
  });
}

/** Bytes in the largest unit that leaves a whole number. */
export function formatByteSize(bytes: number): string {
  const unit = (['GB', 'MB', 'KB'] as const).find((name) => bytes % UNIT_BYTES[name] === 0);
  return unit === undefined ? `${bytes}` : `${bytes / UNIT_BYTES[unit]}${unit}`;
}

export function integer({ min, max }: { min: number; max: number }) {
  return z.string().transform((value, context) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= min && number <= max) return number;
    return refuse(context, `must be a whole number from ${min} to ${max}, not ${quoted(value)}`);
  });
}

const RATE = /^(\d{1,12}(?:\.\d{1,3})?)(KB|MB|GB)?(?:\/s)?$/;

/** `512KB/s`, `10MB/s`, or a plain number, to bytes a second. The bounds are these too. */
export function byteRate({ min, max }: { min: number; max: number }) {
  return z.string().transform((value, context) => {
    const [, number = '', unit] = RATE.exec(value) ?? [];
    if (number === '')
      return refuse(context, `must be a rate, not ${quoted(value)}; write 512KB/s or 10MB/s`);
    const factor = unit === undefined ? 1 : UNIT_BYTES[unit as keyof typeof UNIT_BYTES];
    const rate = Math.round(Number(number) * factor);
    if (rate >= min && rate <= max) return rate;
    const bounds = `${formatByteSize(min)}/s and ${formatByteSize(max)}/s`;
    return refuse(context, `is ${value}; choose between ${bounds}`);
  });
}

/** How often a second: `50/s`, or `50`. */
export function perSecond({ min, max }: { min: number; max: number }) {
  return z.string().transform((value, context) => {
    const number = /^\d{1,15}(?:\/s)?$/.test(value) ? Number.parseInt(value, 10) : NaN;
    if (number >= min && number <= max) return number;
    return refuse(context, `must be ${min}/s to ${max}/s, not ${quoted(value)}; write 50/s`);
  });
}

const TRUE = new Set(['true', 'yes', 'on', '1']);
const FALSE = new Set(['false', 'no', 'off', '0']);

/** On or off. A flag alone is on, and `--no-NAME` off. */
export function toggle(initial: boolean) {
  return z
    .string()
    .transform((value, context) => {
      if (TRUE.has(value)) return true;
      if (FALSE.has(value)) return false;
      return refuse(context, `must be true or false, not ${quoted(value)}`);
    })
    .prefault(String(initial));
}

export function choice<const Choices extends readonly [string, ...string[]]>(choices: Choices) {
  return z.enum(choices);
}

/** Any number of values; a single one needs no list around it. */
export function list<S extends z.ZodType>(item: S) {
  return z.array(item);
}

function emptyOrUnprintable(value: string): string | null {
  if (value === '') return 'is empty; give a value, or remove it';
  // oxlint-disable-next-line no-control-regex -- these are the characters to find
  if (/[\x00-\x1f\x7f]/.test(value)) return 'holds a control character; remove it';
  return null;
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
