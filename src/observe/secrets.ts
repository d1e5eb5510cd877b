/** Keeping secrets out of logs. Rule one is not to log them; this catches what slips through. */

const MASK_SHOWN_CHARS = 6;
/** A shorter token is hidden whole: six characters of it would be too much of it. */
const MASK_MIN_CHARS = 16;

/** The first six characters of a token and `…`: enough to tell two apart, too little to use. */
export function mask(token: string): string {
  return token.length < MASK_MIN_CHARS ? '…' : `${token.slice(0, MASK_SHOWN_CHARS)}…`;
}

const secretKeys = new Set([
  'authorization',
  'auth',
  'cookie',
  'key',
  'password',
  'proxyauthorization',
  'rendezvoustoken',
  'secret',
  'setcookie',
  'token',
  'xtoken',
]);

/** True for the names under which secrets travel, however they are spelt: `X-Token`, `proxy_authorization`. */
export function isSecretKey(key: string): boolean {
  return secretKeys.has(key.replace(/[-_]/g, '').toLowerCase());
}

/** Tokens of ours; what follows an authentication scheme; user and password in a URL; a token in a path. */
const ownToken = /\bsp_[A-Za-z0-9_-]{16,}/g;
const schemeCredential = /\b(bearer|basic)(\s+)[^\s",]+/gi;
const urlUser = /:\/\/[^\s"/]*@/g;
const pathToken = /(\/(?:_|%5f)token)\/+[^\s"/?#]+/gi;

/** The text without the secrets that can be recognised by their shape. */
export function withoutSecrets(text: string): string {
  return text
    .replace(ownToken, mask)
    .replace(schemeCredential, '$1$2***')
    .replace(urlUser, '://***@')
    .replace(pathToken, '$1/***');
}

/**
 * The path of a request without what may be a token of a service in it: one that stands where it is
 * none for us, behind a slash too many say, is a secret still.
 */
export function withoutPathToken(path: string): string {
  return path.replace(pathToken, '$1/***');
}
