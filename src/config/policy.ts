/** The policy of a server: a list of links, each of which is asked by the one before it. */
import { z } from 'zod';
import { checkTimeZone, parseHours } from '../access/policy/hours.ts';
import { chainFaults } from '../access/policy/chain-faults.ts';
import { actions } from '../access/policy/policy.ts';
import { effects, OWN_TARGET } from '../access/policy/rule.ts';
import { createAllowList } from '../access/allow.ts';
import { calledUrl, cidr, consumerKey, dialAddress } from './grammar.ts';
import { choice, list, option, parsable, text } from './values.ts';

function targetRule() {
  return parsable((value) => (value === OWN_TARGET ? null : createAllowList([value])));
}

const rule = z.strictObject({
  name: option(text(), {
    value: 'NAME',
    help: 'What reasons and logs call the rule, besides its place.',
  }).optional(),
  effect: option(choice(effects), {
    value: 'allow|deny|ask',
    help: 'What follows when the rule matches; ask puts the question to the next entry of the policy.',
  }),
  actions: option(list(choice(actions)), {
    value: 'register|connect|http|control',
    help: 'What is to be done: offer a service, reach one by connect, forward or a public port, reach one by HTTP, control the server.',
  }).prefault([]),
  services: option(list(text()), {
    value: 'GLOB',
    help: 'Names of services; for control those of operations.',
  }).prefault([]),
  who: option(list(text()), {
    value: 'GLOB',
    help: 'Names of identities. `*` is everybody who has said who it is; without the key it is everybody.',
  }).prefault([]),
  roles: option(list(choice(['agent', 'consumer', 'admin'])), {
    value: 'agent|consumer|admin',
    help: 'Roles, of which the identity has one.',
  }).prefault([]),
  targets: option(list(targetRule()), {
    value: 'RULE',
    help: 'Targets that the consumer chose: HOST:PORTS as in allow, and `own` for that of the service itself. A block of addresses holds no names, whatever they resolve to.',
  }).prefault([]),
  consumers: option(list(cidr()), {
    value: 'CIDR',
    help: 'Where the consumer is; for register and control the client.',
  }).prefault([]),
  hours: option(list(parsable(parseHours)), {
    value: 'HOURS',
    help: 'When: DAYS, HH:MM-HH:MM or both, such as mon-fri 08:00-18:00 or sat,sun.',
  }).prefault([]),
  time_zone: option(parsable(checkTimeZone), {
    value: 'ZONE',
    help: 'Time zone of the hours, such as Europe/Berlin.',
  }).prefault('UTC'),
});

const link = z.strictObject({
  rules: option(list(rule), {
    help: 'The first rule that matches counts; a rule matches when all its keys do. When none matches the answer is no.',
  }).optional(),
  lua: option(text(), {
    value: 'FILE',
    path: true,
    help: 'A script in Lua with a function connect(request), which answers true or false.',
  }).optional(),
  http: option(calledUrl(), {
    value: 'URL',
    secret: true,
    help: 'A service that gets the question as JSON by POST, and answers {"allow": true} or {"allow": false, "reason": "…"}.',
  }).optional(),
  always: option(choice(['allow', 'deny']), {
    value: 'allow|deny',
    help: 'The same answer to everything.',
  }).optional(),
});

export const policy = list(link).superRefine((links, context) => {
  for (const { path, message } of chainFaults(links))
    context.addIssue({ code: 'custom', path: [...path], message });
});

/** What `policy test` asks the policy of a file. */
export const policyQuestion = {
  action: option(choice(actions), {
    value: 'ACTION',
    env: false,
    file: false,
    help: 'What is to be done: register, connect, http or control.',
  }),
  service: option(text(), {
    value: 'NAME',
    env: false,
    file: false,
    help: 'The service; for control the operation.',
  }),
  target: option(dialAddress(), {
    value: 'HOST:PORT',
    env: false,
    file: false,
    help: 'Target that the consumer chooses. Default: that of the service.',
  }).optional(),
  identity: option(text(), {
    value: 'NAME',
    env: false,
    file: false,
    help: 'Who asks: an identity of FILE. Default: somebody who has not said who it is.',
  }).optional(),
  consumer: option(dialAddress(), {
    value: 'IP:PORT',
    env: false,
    file: false,
    help: 'Where the consumer is.',
  }).prefault('127.0.0.1:50000'),
  key: option(consumerKey(), {
    value: 'KEY',
    secret: true,
    file: false,
    help: 'Key that the consumer presents.',
  }).optional(),
};
