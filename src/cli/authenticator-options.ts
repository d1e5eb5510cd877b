/** From an entry of `authenticators` to the options of one. */
import fs from 'node:fs';
import type { AuthenticatorOptions } from '../access/authenticate/authenticators.ts';
import type { OptionsOf } from '../config/schema.ts';
import { SallyportError } from '../errors.ts';

type Entry = NonNullable<OptionsOf<'server'>['authenticators']>[number];

/** Reads the files that it names. Throws CONFIG_INVALID for one that cannot be read. */
export function authenticatorOptions(entry: Entry): AuthenticatorOptions {
  const { name, type, roles = [], names = [], hosts, ports, targets, limits } = entry;
  const common = { name, roles, names, hosts, ports, targets, ...given({ limits }) };
  if (type === 'insecure') return { ...common, type };
  if (type === 'mtls') return { ...common, type, certificates: entry.certificates! };
  const ca = read(name, entry.ca);
  if (type === 'external') {
    const { url, nameField, remember: rememberMs } = entry;
    return { ...common, type, url: url!, ...given({ ca, nameField, rememberMs }) };
  }
  const { issuer, audience, jwksUrl: keysUrl, jwksFile, leeway: leewayMs } = entry;
  const { algorithms, nameClaim, scopesClaim } = entry;
  const keys = read(name, jwksFile);
  const others = { ca, keysUrl, keys, algorithms, leewayMs, nameClaim, scopesClaim };
  return { ...common, type, issuer: issuer!, audience: audience!, ...given(others) };
}

type Given<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what is undefined. */
function given<T extends object>(values: T): Given<T> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Given<T>;
}

function read(authenticator: string, file: string | undefined): string | undefined {
  try {
    return file === undefined ? undefined : fs.readFileSync(file, 'utf8');
  } catch (cause) {
    const why = `cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`;
    throw new SallyportError('CONFIG_INVALID', `authenticator ${authenticator}: ${why}`, { cause });
  }
}
