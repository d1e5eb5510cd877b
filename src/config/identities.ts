/** Who may do what at the server. A scope that is not listed is not granted. */
import { z } from 'zod';
import { allowRule, identityName, portRanges, token, tokenHash } from './grammar.ts';
import { identityLimits } from './limits.ts';
import { choice, list, option, text } from './values.ts';

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
    token_hash: option(tokenHash(), {
      value: 'HASH',
      secret: true,
      help: 'SHA-256 of the token, as `sallyport token` prints it.',
    }).optional(),
    roles: option(
      list(choice(['agent', 'consumer', 'admin'])).min(
        1,
        'is empty; list agent, consumer or admin',
      ),
      {
        value: 'agent|consumer|admin',
        help: 'An agent registers services, a consumer uses them with connect and forward, an admin controls the server: everything that docs/control.md tells.',
      },
    ),
    names: option(list(text()).min(1, 'is empty; list names of services, or "*" for all'), {
      value: 'GLOB',
      help: 'Names of services it may register and use; * stands for any run of characters.',
    }),
    hosts: option(list(text()), {
      value: 'GLOB',
      help: 'Hosts it may register besides NAME.DOMAIN.',
    }).prefault([]),
    ports: option(list(portRanges()), {
      value: 'PORTS',
      help: 'Public ports it may open, such as 20000-20099.',
    }).prefault([]),
    targets: option(list(allowRule()), {
      value: 'RULE',
      help: 'Targets it may choose as a consumer (HOST:PORTS); the service has to allow them too.',
    }).prefault([]),
    limits: option(identityLimits, {
      help: 'What it may use: the keys of `limits`, which hold where it has none of its own.',
    }).optional(),
  })
  .superRefine((keys, context) => {
    if ((keys.token === undefined) === (keys.token_hash === undefined)) {
      context.addIssue({
        code: 'custom',
        message: 'must have exactly one of the keys token and token_hash',
      });
    }
  });

export const identities = list(identity).superRefine((entries, context) => {
  if (entries.length === 0) {
    context.addIssue({
      code: 'custom',
      message: 'is empty, so nobody could come in; list one, or remove the key',
    });
  }
  for (const key of ['name', 'token', 'token_hash'] as const) {
    entries.forEach((entry, index) => {
      const first = entries.findIndex((other) => other[key] === entry[key]);
      if (entry[key] === undefined || first === index) return;
      context.addIssue({
        code: 'custom',
        path: [index, key],
        message: `is the ${key} of identities[${first}] too; each needs its own`,
      });
    });
  }
});
