/** Client certificates: whoever holds one of ours is who it says (RFC 8446, section 4.4.2). */
import { SallyportError } from '../../errors.ts';
import { createGlobs } from '../../net/glob.ts';
import type { Authenticator, ClientCertificate } from '../authenticator.ts';
import { createVouchedIdentity, type Identity, type Grant } from '../identity.ts';

export interface CertificateOptions extends Grant {
  readonly type: 'mtls';
  readonly name: string;
  /**
   * Globs of what a certificate has to say: `CN:` and the common name, `DNS:`, `URI:`, `EMAIL:` or
   * `IP:` and an alternative name, `SHA256:` and the fingerprint in lower-case hex.
   */
  readonly certificates: readonly string[];
}

/** Whether a glob says which part of a certificate it is for. */
export function isCertificateRule(glob: string): boolean {
  return /^(?:CN|DNS|URI|EMAIL|IP|SHA256):./.test(glob);
}

/** What an identity of an authenticator of this kind was known by. */
const presented = new WeakMap<Identity, ClientCertificate>();

/** Throws CONFIG_INVALID for a rule of another form, USAGE for a malformed scope. */
export function createCertificateAuthenticator(options: CertificateOptions): Authenticator {
  const { type: _type, name, certificates, ...grant } = options;
  const wrong = certificates.find((glob) => !isCertificateRule(glob));
  if (wrong !== undefined || certificates.length === 0) {
    const mend = 'certificates has to list rules such as CN:agent-* or DNS:*.agents.example.com';
    throw new SallyportError('CONFIG_INVALID', `authenticator ${name}: ${mend}`);
  }
  const globs = createGlobs(certificates);
  const own = new WeakSet<Identity>();
  identify('probe', Infinity); // a malformed scope is told at the start

  function identify(holder: string, expiresAt: number): Identity | null {
    return createVouchedIdentity({ ...grant, name: holder, authority: name, expiresAt });
  }

  function judge(certificate: ClientCertificate): Identity | null {
    if (certificate.expiresAt <= Date.now()) return null;
    const { subject, names, fingerprint } = certificate;
    const says = [...(subject === '' ? [] : [`CN:${subject}`]), ...names, `SHA256:${fingerprint}`];
    const matching = says.find((text) => globs.match(text));
    if (matching === undefined) return null;
    const identity = identify(matching.slice(matching.indexOf(':') + 1), certificate.expiresAt);
    if (identity !== null) {
      presented.set(identity, certificate);
      own.add(identity);
    }
    return identity;
  }

  return {
    name,
    schemes: [],
    authenticate: ({ certificate }) => (certificate === null ? null : judge(certificate)),
    current(identity) {
      if (own.has(identity)) return identity.expiresAt > Date.now() ? identity : null;
      const certificate = presented.get(identity);
      const known = certificate !== undefined && identity.authority === name;
      const now = known ? judge(certificate) : null;
      return now?.name === identity.name ? now : null;
    },
    close() {},
  };
}
