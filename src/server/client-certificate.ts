/** The certificate that a client of the TLS listener has proved to hold. */
import type { X509Certificate } from 'node:crypto';
import tls from 'node:tls';
import type net from 'node:net';
import type { ClientCertificate } from '../access/authenticator.ts';

/** Null without one, and for one that none of the configured authorities has signed. */
export function clientCertificateOf(socket: net.Socket): ClientCertificate | null {
  if (!(socket instanceof tls.TLSSocket) || !socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : describeCertificate(certificate);
}

/** What a certificate says that was verified already. */
export function describeCertificate(certificate: X509Certificate): ClientCertificate {
  const { CN: subject } = certificate.toLegacyObject().subject;
  return {
    // Several common names come as a list: which of them is meant is not known.
    subject: typeof subject === 'string' ? subject : '',
    names: alternativeNames(certificate.subjectAltName ?? ''),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    expiresAt: certificate.validToDate.getTime(),
  };
}

const kinds: Readonly<Record<string, string>> = {
  DNS: 'DNS',
  URI: 'URI',
  email: 'EMAIL',
  'IP Address': 'IP',
};

/** One name as Node writes it: in quotes, as a JSON string, where it could be read in two ways. */
const entry = /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y;

/** From `DNS:a.test, IP Address:10.0.0.1`. Nothing at all of what cannot be read to its end. */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  entry.lastIndex = 0;
  while (entry.lastIndex < text.length) {
    const found = entry.exec(text);
    if (found === null) return [];
    const [, kind, quoted, plain] = found;
    const name = quoted === undefined ? plain : unquote(quoted);
    if (name === null) return [];
    if (Object.hasOwn(kinds, kind)) names.push(`${kinds[kind]}:${name}`);
  }
  return names;
}

function unquote(text: string): string | null {
  try {
    return JSON.parse(text) as string;
  } catch {
    return null;
  }
}
