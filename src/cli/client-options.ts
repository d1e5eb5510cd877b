/** What all commands that dial a server make of their options. */
import fs from 'node:fs';
import { SallyportError } from '../errors.ts';

interface ClientKeys {
  server: string;
  token?: string | undefined;
  ca?: string | undefined;
  mask: 'auto' | 'random';
  heartbeat: number;
}

export interface ClientOptions {
  server: URL;
  token: string;
  ca?: string;
  randomMask: boolean;
  heartbeatMs: number;
  program: string;
}

/** Throws AUTH_REQUIRED without a token, CONFIG_INVALID when the authority's file cannot be read. */
export function clientOptions(keys: ClientKeys, version: string): ClientOptions {
  if (keys.token === undefined) {
    throw new SallyportError(
      'AUTH_REQUIRED',
      'token: none was given, and every server asks for one',
    );
  }
  return {
    server: new URL(keys.server),
    token: keys.token,
    ...(keys.ca === undefined ? {} : { ca: readAuthority(keys.ca) }),
    randomMask: keys.mask === 'random',
    heartbeatMs: keys.heartbeat,
    program: `sallyport/${version}`,
  };
}

function readAuthority(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SallyportError(
      'CONFIG_INVALID',
      `ca: cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
