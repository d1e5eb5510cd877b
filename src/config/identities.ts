/** Who may do what at the server, by tokens. */
import { z } from 'zod';
import { identityName, token, tokenHash } from './grammar.ts';
import { names, otherScopes, roles } from './scopes.ts';
import { list, option, text } from './values.ts';

const identity = z
  .strictObject({
    name: option(identityName(), {
      value: 'NAME',
      help: 'Names the identity in logs, and is the user name where Basic is used.',
    }),
    token: option(token(), {
      value: 'TOKEN',
      secret: true,
      help: 'The token itself. Better: its hash.',
    }).optional(),
    token_file: option(text(), {
      value: 'FILE',
      path: true,
      fileOf: 'token',
      help: 'File that holds the token.',
    }).optional(),
    token_hash: option(tokenHash(), {
      value: 'HASH',
      secret: true,
      help: 'SHA-256 of the token, as `sallyport token` prints it.',
    }).optional(),
    token_hashes: option(list(tokenHash()), {
      value: 'HASH',
      secret: true,
      help: 'Several, all of them good: the new one beside the old one while tokens are exchanged. `file:PATH` names a file with one in each line; # begins a remark.',
    }).prefault([]),
    roles,
    names,
    ...otherScopes,
  })
  .superRefine(({ token: plain, token_hash: hash, token_hashes: hashes }, context) => {
    if (plain !== undefined || hash !== undefined || hashes.length > 0) return;
    const message = 'needs a token: give token_hash, token_hashes, token_file or token';
    context.addIssue({ code: 'custom', message });
  });

export const identities = list(identity).superRefine((entries, context) => {
  if (entries.length === 0) {
    context.addIssue({
      code: 'custom',
      message: 'is empty, so nobody could come in; list one, or remove the key',
    });
  }
  const twins = createTwins((path, first) => {
    const message = `is that of identities[${first}] too; each needs its own`;
    context.addIssue({ code: 'custom', path, message });
  });
  entries.forEach((entry, index) => {
    twins('name', entry.name, [index, 'name'], index);
    twins('token', entry.token, [index, 'token'], index);
    twins('hash', entry.token_hash, [index, 'token_hash'], index);
    entry.token_hashes.forEach((hash, at) =>
      twins('hash', hash, [index, 'token_hashes', at], index),
    );
  });
});

/** Finds values that stand twice. Hashes are the same in either case of their digits. */
function createTwins(found: (path: (string | number)[], first: number) => void) {
  const seen = new Map<string, number>();
  return (kind: string, value: string | undefined, path: (string | number)[], index: number) => {
    if (value === undefined) return;
    const key = `${kind} ${kind === 'hash' ? value.toLowerCase() : value}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, index);
    else found(path, first);
  };
}
