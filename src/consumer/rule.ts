/**
 * The RULE of `sallyport forward`: which local port leads to which service.
 *
 *   RULE   = [ BIND ":" ] PORT ":" [ KEY "@" ] NAME [ ":" TARGET ]
 *   BIND   = host name, IPv4 address or "[" IPv6 address "]"; 127.0.0.1 when absent
 *   PORT   = 0 to 65535; 0 takes any free one
 *   KEY    = printable ASCII without ":" "@" "[" "]" and space; presented to the service
 *   NAME   = name of the service
 *   TARGET = HOST ":" PORT, dialled by the agent if the service's allow-list has it
 *
 * `@` and a TARGET in the place of NAME stand for an address that the server itself dials, if it lists
 * it: the service `direct`.
 *
 * | rule                               | bind      | port | key | name | target       |
 * |------------------------------------|-----------|------|-----|------|--------------|
 * | `2222:box`                         | 127.0.0.1 | 2222 |     | box  |              |
 * | `0:box`                            | 127.0.0.1 | 0    |     | box  |              |
 * | `2222:box:127.0.0.1:22`            | 127.0.0.1 | 2222 |     | box  | 127.0.0.1:22 |
 * | `2222:key@box:127.0.0.1:22`        | 127.0.0.1 | 2222 | key | box  | 127.0.0.1:22 |
 * | `127.0.0.1:2222:box`               | 127.0.0.1 | 2222 |     | box  |              |
 * | `0.0.0.0:2222:box:db.internal:22`  | 0.0.0.0   | 2222 |     | box  | db.internal:22 |
 * | `[::1]:2222:box:[::1]:22`          | ::1       | 2222 |     | box  | [::1]:22     |
 * | `8443:@github.com:443`             | 127.0.0.1 | 8443 |     | direct | github.com:443 |
 *
 * One rule settles whether BIND is there: a first field of digits alone is the PORT, any other is
 * the BIND. Nothing is lost by it, since digits alone are no host. So `1:2:3:4` is port 1, service
 * `2` and a target on host `3`, which is then refused. An empty or `*` BIND is refused rather than
 * read as "every interface": that takes `0.0.0.0` or `[::]`, in so many characters.
 */
import { DIRECT_SERVICE, isServiceName } from '../access/service-name.ts';
import { SallyportError } from '../errors.ts';
import { CONSUMER_KEY_MAX_CHARS } from '../limits.ts';
import { formatAddress, parseDialAddress, type HostPort } from '../net/address.ts';
import { canonicalHost } from '../net/host.ts';
import { parsePort } from '../net/ports.ts';
import { quoted } from '../net/printable.ts';

export interface ForwardRule {
  /** Where to listen; port 0 takes any free one. */
  readonly listen: HostPort;
  readonly service: string;
  /** Secret; null when none was given. */
  readonly key: string | null;
  /** Null: the service's own target. */
  readonly target: HostPort | null;
}

/** Parses a RULE. Throws USAGE; the message never holds the key. */
export function parseRule(text: string): ForwardRule {
  const fields = splitFields(text);
  const digitsFirst = /^\d+$/.test(fields[0]);
  const [portText, named, ...rest] = digitsFirst ? fields : fields.slice(1);
  const direct = named?.lastIndexOf('@') === 0 && rest.length === 1;
  const owner = direct ? DIRECT_SERVICE : named;
  const target = direct ? [named.slice(1), ...rest] : rest;
  const host = digitsFirst ? '127.0.0.1' : parseBind(text, fields[0]);
  if (portText === undefined || owner === undefined)
    throw refusal(text, 'write PORT:NAME or PORT:NAME:HOST:PORT');
  const port = parsePort(portText, 0);
  if (port === null) throw refusal(text, 'the local port must be a number from 0 to 65535');
  if (target.length !== 0 && target.length !== 2) {
    throw refusal(text, 'a target is HOST:PORT after the name, an IPv6 host in brackets');
  }
  const at = owner.lastIndexOf('@');
  return {
    listen: { host, port },
    key: at === -1 ? null : parseKey(text, owner.slice(0, at)),
    service: parseName(text, owner.slice(at + 1)),
    target:
      target.length === 0 ? null : parseDialAddress(target.join(':'), 'target of the forward rule'),
  };
}

/** Splits at the colons outside brackets. */
function splitFields(text: string): string[] {
  const fields: string[] = [''];
  let inside = false;
  for (const c of text) {
    if (c === '[') inside = true;
    if (c === ']') inside = false;
    if (c === ':' && !inside) fields.push('');
    else fields[fields.length - 1] += c;
  }
  return fields;
}

function parseBind(text: string, bind: string): string {
  if (bind === '' || bind === '*') {
    throw refusal(
      text,
      'the bind address is not said; write 0.0.0.0 or [::] for every interface, or leave it out for loopback',
    );
  }
  const host = canonicalHost(bind);
  if (host === null) {
    throw refusal(
      text,
      'it begins with neither a port nor an address to listen on; write PORT:NAME or BIND:PORT:NAME',
    );
  }
  return host;
}

function parseKey(text: string, key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key) || /[:@[\]]/.test(key) || key.length > CONSUMER_KEY_MAX_CHARS) {
    throw refusal(
      text,
      `the key before @ must be 1 to ${CONSUMER_KEY_MAX_CHARS} printable characters without : @ [ ] and space`,
    );
  }
  return key;
}

function parseName(text: string, name: string): string {
  if (!isServiceName(name)) {
    throw refusal(
      text,
      'the name of the service takes letters, digits, dot, underscore and hyphen, 1 to 128 of them',
    );
  }
  return name;
}

/** Everything before the last `@` may be or contain the key: none of it is shown. */
function refusal(text: string, why: string): SallyportError {
  const shown = text.replace(/^.*@/s, '…@');
  return new SallyportError('USAGE', `forward rule ${quoted(shown)}: ${why}`);
}

/** The rule as `parseRule` reads it, save that the key is left out: fit to be shown. */
export function formatRule({ listen, service, target }: ForwardRule): string {
  const end = target === null ? '' : `:${formatAddress(target)}`;
  return `${formatAddress(listen)}:${service}${end}`;
}
