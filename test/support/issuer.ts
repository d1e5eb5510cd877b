/** An issuer of JSON Web Tokens with a real server for its keys. */
import http from 'node:http';
import type net from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';

export interface Issuer {
  readonly url: string;
  /** The key set, served as it is at the moment of the question. */
  keys: JWK[];
  /** Instead of the key set. */
  answer: http.RequestListener | null;
  /** How often the keys were asked for. */
  readonly asked: number;
  /** Makes a key pair and publishes it. */
  addKey(kid: string | undefined, algorithm?: string): Promise<void>;
  /** A token of the last key, for `aud` sallyport and an hour; `claims` and `header` change that. */
  token(claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>;
  /** Resolves when the keys were asked for so often. */
  until(asked: number): Promise<void>;
}

export const ISSUER = 'https://issuer.test/';

export async function startIssuer(t: TestContext, algorithm = 'ES256'): Promise<Issuer> {
  let asked = 0;
  let signing = await generateKeyPair(algorithm, { extractable: true });
  let header: { alg: string; kid?: string } = { alg: algorithm };
  const waiting = new Set<() => void>();
  const server = http.createServer((request, response) => {
    asked++;
    if (issuer.answer !== null) issuer.answer(request, response);
    else response.end(JSON.stringify({ keys: issuer.keys }));
    for (const look of waiting) look();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/keys`,
    keys: [],
    answer: null,
    get asked() {
      return asked;
    },
    async addKey(kid, alg = algorithm) {
      signing = await generateKeyPair(alg, { extractable: true });
      header = kid === undefined ? { alg } : { alg, kid };
      const key = await exportJWK(signing.publicKey);
      issuer.keys = [...issuer.keys, kid === undefined ? key : { ...key, kid, use: 'sig' }];
    },
    token(claims = {}, changed = {}) {
      const now = Math.floor(Date.now() / 1000);
      const whole = { iss: ISSUER, aud: 'sallyport', sub: 'ann', exp: now + 3600, ...claims };
      return new SignJWT(whole)
        .setProtectedHeader({ ...header, ...changed })
        .sign(signing.privateKey);
    },
    async until(count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (asked >= count) resolve();
      };
      waiting.add(look);
      look();
      await promise;
      waiting.delete(look);
    },
  };
  await issuer.addKey('first');
  return issuer;
}
