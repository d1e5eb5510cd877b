/**
 * The rule of a Hubble agent: which local port leads where.
 *
 *   RULE = LPORT ":" [ KEY "@" ] GATEWAY ":" HOST ":" RPORT
 *
 * KEY is anything up to the last `@` and may hold colons; GATEWAY and HOST hold none, save that HOST
 * may be an IPv6 address in brackets, which the originals do not take. LPORT 0 picks a free port.
 * RPORT 0 asks for the service's own target, whatever HOST says: services of native agents have one.
 */
import { SallyportError } from '../../errors.ts';
import { CONSUMER_KEY_MAX_CHARS, SERVICE_NAME_MAX_CHARS } from '../../limits.ts';
import { formatAddress } from '../../net/address.ts';
import { canonicalHost } from '../../net/host.ts';
import { parsePort } from '../../net/ports.ts';
import { quoted } from '../../net/printable.ts';
import type { ForwardRule } from '../../consumer/rule.ts';

const form = /^(\d+):(?:(.+)@)?([^:@\p{Cc}]+):(\[[^\]]+\]|[^:@[\]]+):(\d+)$/su;

/** Parses a rule that is to listen on `bind`. Throws USAGE; the message never holds the key. */
export function parseHubbleRule(text: string, bind: string): ForwardRule {
  const refuse = (why: string): never => {
    throw new SallyportError('USAGE', `rule ${quoted(text.replace(/^.*@/s, '…@'))}: ${why}`);
  };
  const parts = form.exec(text);
  if (parts === null) return refuse('write LPORT:[KEY@]GATEWAY:HOST:RPORT');
  const [, localText, key, gateway, hostText, remoteText] = parts;
  const local = parsePort(localText, 0) ?? refuse(`Invalid port ${localText}`);
  const remote = parsePort(remoteText, 0) ?? refuse(`Invalid port ${remoteText}`);
  if (gateway.length > SERVICE_NAME_MAX_CHARS)
    return refuse(`a gateway's name has up to ${SERVICE_NAME_MAX_CHARS} characters`);
  if (key !== undefined && key.length > CONSUMER_KEY_MAX_CHARS)
    return refuse(`a key has up to ${CONSUMER_KEY_MAX_CHARS} characters`);
  const listen = { host: bind, port: local };
  const rule = { listen, service: gateway, key: key ?? null };
  if (remote === 0) return { ...rule, target: null };
  const host =
    canonicalHost(hostText) ?? refuse(`${quoted(hostText)} is not a host name or address`);
  return { ...rule, target: { host, port: remote } };
}

/** The rules, without those that repeat an earlier one but for its key. */
export function distinctRules(rules: readonly ForwardRule[]): ForwardRule[] {
  const seen = new Set<string>();
  return rules.filter(({ listen, service, target }) => {
    const end = target === null ? '' : formatAddress(target);
    const same = `${listen.port}:${service}:${end}`;
    return !seen.has(same) && seen.add(same);
  });
}
