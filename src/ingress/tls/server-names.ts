/** Which service a TLS server name leads to: exact names first, then the closest wildcard. */
import net from 'node:net';
import { SallyportError } from '../../errors.ts';
import { canonicalHost } from '../../net/host.ts';
import { quoted } from '../../net/printable.ts';

/** A name may be claimed several times by one service: its agents come and go one by one. */
interface Claimed {
  readonly service: string;
  claims: number;
}

export class ServerNames {
  #names = new Map<string, Claimed>();

  /**
   * Leads a name to the service: `app.example.com`, or `*.example.com` for every name below it.
   * Throws HOST_TAKEN when another service has it, USAGE when it is no host name.
   */
  add(pattern: string, service: string): void {
    const name = canonicalPattern(pattern);
    const claimed = this.#names.get(name);
    if (claimed === undefined) this.#names.set(name, { service, claims: 1 });
    else if (claimed.service === service) claimed.claims++;
    else throw new SallyportError('HOST_TAKEN', `server name ${name}: another service has it`);
  }

  /** Takes back one `add`; the name is free after the last. */
  remove(pattern: string, service: string): void {
    const name = canonicalPattern(pattern);
    const claimed = this.#names.get(name);
    if (claimed?.service === service && --claimed.claims === 0) this.#names.delete(name);
  }

  /** Every name, `*.` and a domain among them, with its service. */
  list(): { name: string; service: string }[] {
    return [...this.#names].map(([name, { service }]) => ({ name, service }));
  }

  /** The service of a server name as it came in a ClientHello, or null. */
  find(serverName: string): string | null {
    const name = canonicalHost(serverName);
    if (name === null || net.isIP(name)) return null;
    let claimed = this.#names.get(name);
    for (
      let dot = name.indexOf('.');
      claimed === undefined && dot !== -1;
      dot = name.indexOf('.', dot + 1)
    ) {
      claimed = this.#names.get(`*${name.slice(dot)}`);
    }
    return claimed?.service ?? null;
  }
}

/** Addresses are no server names: RFC 6066, section 3. */
function canonicalPattern(pattern: string): string {
  const wildcard = pattern.startsWith('*.');
  const name = canonicalHost(wildcard ? pattern.slice(2) : pattern);
  if (name === null || net.isIP(name)) {
    throw new SallyportError(
      'USAGE',
      `server name ${quoted(pattern)}: not a host name; write app.example.com or *.example.com`,
    );
  }
  return wildcard ? `*.${name}` : name;
}
