/** The control API at the server, and the commands that use it. */
import { z } from 'zod';
import { CONTROL_REASON_MAX_CHARS, EVENTS_KEPT_MAX } from '../limits.ts';
import { eventTypeGlob, hostName, listenAddress } from './grammar.ts';
import { integer, list, option, text, toggle } from './values.ts';

/** `https://ops.example.com`: as browsers send it in Origin. */
function webOrigin() {
  return text((value) => {
    const url = URL.parse(value);
    return url !== null && /^https?:$/.test(url.protocol) && url.origin === value
      ? null
      : 'must be a scheme and a host such as https://ops.example.com, in lower case, without a path';
  });
}

/** Keys of a server. */
export const controlKeys = {
  control_listen: option(listenAddress('127.0.0.1'), {
    value: 'HOST:PORT',
    help: 'Serve the control API and /metrics there, and not on the addresses that everybody reaches.',
  }).optional(),
  control_hosts: option(list(hostName()), {
    value: 'HOST',
    help: 'Host names under which the control API may be asked, besides domain, public URL, localhost and IP addresses.',
  }).prefault([]),
  control_origins: option(list(webOrigin()), {
    value: 'ORIGIN',
    help: 'Web pages that may use the control API, such as https://ops.example.com. Others are refused.',
  }).prefault([]),
};

const onlyFlag = { env: false, file: false } as const;

const globs = (what: string) =>
  option(list(text()), {
    ...onlyFlag,
    value: 'GLOB',
    help: `Only those of this ${what}; * stands for any run of characters.`,
  }).prefault([]);

/** The commands of operators. `access` is how they get to a server. */
export function operatorCommands<const Access extends z.core.$ZodLooseShape>(access: Access) {
  return {
    ls: z.strictObject({
      watch: option(toggle(false), {
        ...onlyFlag,
        short: 'w',
        help: 'Show it again whenever something of it changes.',
      }),
      service: globs('service'),
      ...access,
    }),
    ps: z.strictObject({ service: globs('service'), identity: globs('identity'), ...access }),
    kick: z.strictObject({
      reason: option(
        text((value) =>
          value.length > CONTROL_REASON_MAX_CHARS
            ? `has ${value.length} characters; use ${CONTROL_REASON_MAX_CHARS} at most`
            : null,
        ),
        { ...onlyFlag, value: 'TEXT', help: 'What those are told whose connection ends.' },
      ).optional(),
      ...access,
    }),
    events: z.strictObject({
      follow: option(toggle(false), {
        ...onlyFlag,
        short: 'f',
        help: 'Go on with what happens from now on.',
      }),
      type: option(list(eventTypeGlob()), {
        ...onlyFlag,
        value: 'GLOB',
        help: 'Only events of this type, such as stream.* or auth.failed.',
      }).prefault([]),
      service: globs('service'),
      identity: globs('identity'),
      limit: option(integer({ min: 1, max: EVENTS_KEPT_MAX }), {
        ...onlyFlag,
        value: 'NUMBER',
        help: 'How many of those before now to show. Default: 100; with --follow none.',
      }).optional(),
      ...access,
    }),
    status: z.strictObject({ ...access }),
    control: z.strictObject({ ...access }),
  };
}
