/** Signatures of tokens that can be chosen (RFC 7518, section 3.1; RFC 8037): all of public keys. */
export const jwtAlgorithms = [
  'EdDSA',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];
