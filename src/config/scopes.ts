/** The keys that say what somebody may do. A scope that is not listed is not granted. */
import { allowRule, portRanges } from './grammar.ts';
import { identityLimits } from './limits.ts';
import { choice, list, option, text } from './values.ts';

export const roles = option(
  list(choice(['agent', 'consumer', 'admin'])).min(1, 'is empty; list agent, consumer or admin'),
  {
    value: 'agent|consumer|admin',
    help: 'An agent registers services, a consumer uses them with connect and forward, an admin controls the server: everything that docs/control.md tells.',
  },
);

export const names = option(
  list(text()).min(1, 'is empty; list names of services, or "*" for all'),
  {
    value: 'GLOB',
    help: 'Names of services it may register and use; * stands for any run of characters.',
  },
);

export const otherScopes = {
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
};
