/** URLs of services that authenticators ask. */
import { SallyportError } from '../../errors.ts';

/** Throws CONFIG_INVALID for what is no http or https URL, or holds credentials; the text is not repeated. */
export function parseServiceUrl(authenticator: string, text: string): URL {
  const url = URL.parse(text);
  const usable = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url !== null && usable && url.username === '' && url.password === '') return url;
  const why = 'its URL must be one of http or https, without user name and password';
  throw new SallyportError('CONFIG_INVALID', `authenticator ${authenticator}: ${why}`);
}

/** Whether what is asked and answered there can be read and changed on the way. */
export function inClearText({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !/^(?:localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}
