/** What the server sets for services, whoever offers them: the `services` list of its file. */
import { z } from 'zod';
import { serviceLimits } from './limits.ts';
import { list, option, text, toggle } from './values.ts';

const rule = z.strictObject({
  name: option(text(), {
    value: 'GLOB',
    help: 'Services that the rule is for; * stands for any run of characters. The first rule that covers a name counts, alone.',
  }),
  authenticators: option(
    list(text()).min(1, 'is empty, so nobody could come in; list one, or remove the key'),
    {
      value: 'NAME',
      help: 'Consumers have to be known to one of these authenticators, asked in the order in which they are configured; `tokens` stands for the identities. Public TCP ports of such a service refuse everybody.',
    },
  ).optional(),
  forward_authorization: option(toggle(false), {
    help: 'Pass the Authorization field on to the target, although the server has looked at it.',
  }),
  limits: option(serviceLimits, {
    help: 'What each service that the rule covers may use: the keys of `limits` but names.',
  }).optional(),
});

export const serviceRules = list(rule);
