/** Sets of IP addresses, written as addresses and CIDR blocks (RFC 4632, RFC 4291 section 2.3). */
import net from 'node:net';
import { SallyportError } from '../errors.ts';
import { canonicalAddress } from './host.ts';
import { quoted } from './printable.ts';

/** Bits of the prefix `::ffff:0:0/96`, under which IPv6 carries IPv4. */
const MAPPED_PREFIX_BITS = 96;

interface Block {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly bits: number;
}

/**
 * A test for membership. Blocks of IPv4 hold IPv4 addresses only, in either spelling
 * (`::ffff:10.0.0.1` is 10.0.0.1), and blocks of IPv6 hold IPv6 only: `::/0` is not "everything".
 * Whatever is not an IP address is in no set. Throws USAGE for an entry that is not a block.
 */
export function createCidrSet(list: readonly string[]): (ip: string) => boolean {
  // A BlockList lets an IPv6 block match IPv4 addresses, hence one for each family.
  const sets = { ipv4: new net.BlockList(), ipv6: new net.BlockList() };
  for (const entry of list) {
    const { address, family, bits } = parseBlock(entry);
    sets[family].addSubnet(address, bits, family);
  }
  return (ip) => {
    const address = canonicalAddress(ip);
    if (address === null) return false;
    const family = familyOf(address);
    return sets[family].check(address, family);
  };
}

function familyOf(address: string): Block['family'] {
  return net.isIPv4(address) ? 'ipv4' : 'ipv6';
}

function parseBlock(entry: string): Block {
  const refuse = (why: string): never => {
    throw new SallyportError('USAGE', `address block ${quoted(entry)}: ${why}`);
  };
  const slash = entry.indexOf('/');
  const written = slash === -1 ? entry : entry.slice(0, slash);
  const address = canonicalAddress(written);
  if (address === null)
    return refuse('not an IP address; write one such as 10.0.0.0/8, 192.0.2.7 or fd00::/8');
  const family = familyOf(address);
  const writtenBits = net.isIPv4(written) ? 32 : 128;
  const bitsText = slash === -1 ? `${writtenBits}` : entry.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(bitsText) || Number(bitsText) > writtenBits) {
    return refuse(`the prefix length must be a number from 0 to ${writtenBits}`);
  }
  const mapped = family === 'ipv4' && writtenBits === 128;
  const bits = Number(bitsText) - (mapped ? MAPPED_PREFIX_BITS : 0);
  if (bits < 0) return refuse('it reaches beyond the IPv4 addresses; write the IPv4 block itself');
  return { address, family, bits };
}
