/** How consumers see a server whose operator does not say: by its domain and its port. */
export function defaultUrl(domain: string, port: number, secure: boolean): URL {
  return new URL(`${secure ? 'https' : 'http'}://${domain}:${port}/`);
}
