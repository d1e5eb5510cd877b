/** What a group asks of those who register with it. */

export type ReverstCredentials =
  | {
      readonly username: string;
      readonly password: string;
      /** In place of `Basic`, for groups that ask somebody else. */
      readonly scheme?: string;
    }
  | {
      readonly token: string;
      /** In place of `Bearer`. */
      readonly scheme?: string;
    };

/** Scheme and credentials as they are sent: a secret. */
export function authorizationOf(credentials: ReverstCredentials): string {
  if ('token' in credentials) return `${credentials.scheme ?? 'Bearer'} ${credentials.token}`;
  const { username, password, scheme = 'Basic' } = credentials;
  return `${scheme} ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
