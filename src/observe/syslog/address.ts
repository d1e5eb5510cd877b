/** Where a syslog listens: `udp://HOST:PORT`, `tcp://HOST:PORT`, `unix:/PATH`. */
import { SallyportError } from '../../errors.ts';
import { UNIX_PATH_MAX_BYTES } from '../../limits.ts';
import { formatAddress, parseDialAddress, type HostPort } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';

export type SyslogAddress =
  | ({ readonly kind: 'udp' | 'tcp' } & HostPort)
  | { readonly kind: 'unix'; readonly path: string };

/** RFC 5426, section 3.3. */
const DEFAULT_PORT = 514;

/** Throws USAGE. */
export function parseSyslogAddress(text: string): SyslogAddress {
  const [, kind = '', rest = ''] = /^(udp|tcp):\/\/([^/]+)\/?$/.exec(text) ?? [];
  if (kind === 'udp' || kind === 'tcp') {
    const withPort = /:\d+$/.test(rest) ? rest : `${rest}:${DEFAULT_PORT}`;
    return { kind, ...parseDialAddress(withPort, 'syslog') };
  }
  const path = /^unix:(\/.+)$/.exec(text)?.[1] ?? '';
  if (path !== '' && Buffer.byteLength(path) <= UNIX_PATH_MAX_BYTES) return { kind: 'unix', path };
  throw new SallyportError(
    'USAGE',
    `syslog ${quoted(text)}: write udp://HOST:514, tcp://HOST:514 or unix:/PATH`,
  );
}

export function formatSyslogAddress(address: SyslogAddress): string {
  return address.kind === 'unix'
    ? `unix:${address.path}`
    : `${address.kind}://${formatAddress(address)}`;
}
