/**
 * Allow-lists of targets: which addresses a consumer may have an agent dial. Nothing is allowed
 * without a rule.
 *
 *   RULE  = HOST ":" PORTS
 *   HOST  = "*" | name | glob of names | IPv4 | CIDR | "[" IPv6 or its CIDR "]"
 *   PORTS = "*" | list of ports and ranges, `22`, `22,80`, `80-90`
 *
 * | rule               | allows                                                             |
 * |--------------------|--------------------------------------------------------------------|
 * | `10.0.0.0/8:22`    | those addresses, and names that resolve to one of them              |
 * | `[fd00::/8]:*`     | the same for IPv6                                                   |
 * | `db.internal:5432` | that name, whatever it resolves to                                  |
 * | `*.db.internal:*`  | names under it, whatever they resolve to; an IP address never       |
 * | `*:22`             | every name and every address, loopback included                     |
 *
 * A name that no name rule covers is resolved once, and the address that was checked is the address
 * to dial: a second lookup could answer differently (DNS rebinding).
 */
import net from 'node:net';
import { SallyportError } from '../errors.ts';
import { formatAddress } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import { canonicalAddress, canonicalHost } from '../net/host.ts';
import { parsePortRanges, portInRanges, type PortRange } from '../net/ports.ts';
import { quoted } from '../net/printable.ts';
import { createGlob } from '../net/glob.ts';

/** Resolves a name to its IP addresses, in the order to try them. Rejects when it has none or is aborted. */
export type Lookup = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

/** An address that was checked: dial this, not the name. */
export interface AllowedAddress {
  readonly address: string;
  readonly port: number;
}

export interface AllowList {
  /**
   * True when a rule allows the host as written, without resolving it: a name by a name rule, an IP
   * address by an address rule. Odd spellings of an address are not allowed by any rule.
   */
  check(host: string, port: number): boolean;
  /** True when a rule allows this IP address, as a socket or a resolver gave it. */
  checkAddress(ip: string, port: number): boolean;
  /**
   * Resolves the host at most once and gives the first allowed address. Throws TARGET_DENIED when
   * no rule allows it (without a lookup when no answer could change that), TARGET_UNREACHABLE when
   * the lookup fails, and the reason of the signal when that is aborted.
   */
  resolveAllowed(
    host: string,
    port: number,
    lookup: Lookup,
    signal: AbortSignal,
  ): Promise<AllowedAddress>;
}

interface Rule {
  readonly ports: readonly PortRange[];
  /** Takes a canonical name. */
  allowsName(name: string): boolean;
  /** Takes any IP address; null when the rule speaks of names only. */
  readonly allowsAddress: ((ip: string) => boolean) | null;
}

/** Throws USAGE for a rule that is not one. */
export function createAllowList(texts: readonly string[]): AllowList {
  const rules = texts.map(parseRule);
  const forPort = (port: number): Rule[] => rules.filter((rule) => portInRanges(port, rule.ports));

  const checkAddress = (ip: string, port: number): boolean =>
    canonicalAddress(ip) !== null &&
    forPort(port).some((rule) => rule.allowsAddress?.(ip) ?? false);

  const checkHost = (host: string, port: number): boolean =>
    net.isIP(host) === 0
      ? forPort(port).some((rule) => rule.allowsName(host))
      : checkAddress(host, port);

  return {
    check(host, port) {
      const canonical = canonicalHost(host);
      return canonical !== null && checkHost(canonical, port);
    },
    checkAddress,
    async resolveAllowed(host, port, lookup, signal) {
      signal.throwIfAborted();
      const canonical = canonicalHost(host);
      if (canonical === null) throw denied(host, port);
      const named = checkHost(canonical, port);
      if (net.isIP(canonical) !== 0) {
        if (!named) throw denied(canonical, port);
        return { address: canonical, port };
      }
      if (!named && forPort(port).every((rule) => rule.allowsAddress === null))
        throw denied(canonical, port);
      const addresses = await resolve(canonical, port, lookup, signal);
      const address = addresses.find((ip) => named || checkAddress(ip, port));
      if (address === undefined) throw denied(canonical, port);
      return { address, port };
    },
  };
}

async function resolve(
  host: string,
  port: number,
  lookup: Lookup,
  signal: AbortSignal,
): Promise<string[]> {
  const where = formatAddress({ host, port });
  const answers = await lookup(host, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new SallyportError(
      'TARGET_UNREACHABLE',
      `target ${where}: its name does not resolve at the agent`,
      { cause },
    );
  });
  signal.throwIfAborted();
  const addresses = answers.map(canonicalAddress).filter((address) => address !== null);
  if (addresses.length === 0) {
    throw new SallyportError(
      'TARGET_UNREACHABLE',
      `target ${where}: its name resolves to no address at the agent`,
    );
  }
  return addresses;
}

/** The same words whether or not the name resolves: they tell nothing of the network behind the agent. */
function denied(host: string, port: number): SallyportError {
  return new SallyportError(
    'TARGET_DENIED',
    `target ${quoted(`${host}:${port}`)}: no --allow rule of this service allows it`,
  );
}

function parseRule(text: string): Rule {
  const refuse = (why: string): never => {
    throw new SallyportError('USAGE', `allow rule ${quoted(text)}: ${why}`);
  };
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):([^:]+)$/.exec(text);
  if (parts === null) {
    return refuse('write HOST:PORTS, such as 10.0.0.0/8:22, *.internal:80-90 or [fd00::/8]:*');
  }
  const [, bracketed, plain = '', portsText] = parts;
  const ports = parsePortRanges(portsText);
  const block = bracketed ?? plain;
  if (bracketed !== undefined || plain.includes('/')) return addressRule(ports, block);
  if (plain === '*') return { ports, allowsName: () => true, allowsAddress: () => true };
  const host = canonicalHost(plain.replaceAll('*', 'x'));
  if (/\d/.test(plain) && /^[\d.*]+$/.test(plain) && plain.includes('*')) {
    return refuse('a star in an address is not an address; write a CIDR block such as 10.0.0.0/8');
  }
  if (host === null)
    return refuse(
      `${quoted(plain)} is not a host name, a glob of names or an IP address in its usual form`,
    );
  if (net.isIPv4(host)) return addressRule(ports, host);
  const allowsName = createGlob(
    plain.includes('*') ? plain.toLowerCase().replace(/\.$/, '') : host,
  );
  return { ports, allowsName, allowsAddress: null };
}

function addressRule(ports: readonly PortRange[], block: string): Rule {
  return { ports, allowsName: () => false, allowsAddress: createCidrSet([block]) };
}
