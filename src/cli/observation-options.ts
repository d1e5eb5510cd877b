/** From the options of the command to who is told of what happens at a server. */
import type { OptionsOf } from '../config/schema.ts';
import { parseListenAddress } from '../net/address.ts';
import type { ObservationSettings } from '../server/observation.ts';

export function observationOptions(options: OptionsOf<'server'>): ObservationSettings {
  const { requestEvents, auditFile, auditTypes, auditMaxSize, metricsListen } = options;
  const every = { all: 1, none: 0 }[requestEvents] ?? Number(requestEvents.slice('1/'.length));
  return {
    metrics: options.metrics,
    webhooks: options.webhooks.map(({ url, ...rest }) => ({ url: new URL(url), ...rest })),
    ...(every === 0 ? {} : { requestEvents: every }),
    ...(auditFile === undefined
      ? {}
      : {
          audit: {
            file: auditFile,
            ...(auditTypes === undefined ? {} : { types: auditTypes }),
            ...(auditMaxSize === undefined ? {} : { maxBytes: auditMaxSize }),
          },
        }),
    ...(metricsListen === undefined
      ? {}
      : { metricsListen: parseListenAddress(metricsListen, '127.0.0.1') }),
  };
}
