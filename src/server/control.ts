/** The control API put together: on the server's own port, or on one of its own. */
import type { Reception } from '../access/authenticate/reception.ts';
import type { Policy } from '../access/policy/policy.ts';
import { createControlApi } from '../control/api.ts';
import { createDoor } from '../control/door.ts';
import { createControlEndpoints } from '../control/endpoints.ts';
import type { ControlHost } from '../control/host.ts';
import type { EventLog } from '../events/log.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import type { HttpIngressOptions } from '../ingress/http/ingress-options.ts';
import type { OwnEndpoints } from '../ingress/http/own-endpoints.ts';
import type { HostPort } from '../net/address.ts';
import { canonicalHost } from '../net/host.ts';
import type { Logger } from '../observe/logger.ts';
import type { Current } from '../registry/rejudge.ts';
import { createRoutes } from '../registry/routes.ts';
import type { CertificateFiles } from './certificate.ts';
import { clientCertificateOf } from './client-certificate.ts';
import type { MetricsText } from './metrics.ts';
import type { ControlSettings, ServerOptions } from './options.ts';
import { openPublicListener, type PublicListener } from './public-listener.ts';

export interface ControlOptions extends ControlSettings {
  /** Names below it are services. */
  readonly domain: string;
  readonly publicUrl: ServerOptions['publicUrl'] | undefined;
  readonly host: ControlHost;
  readonly reception: Reception;
  readonly policy: () => Policy;
  readonly events: EventLog;
  readonly metrics: MetricsText | null;
  readonly log: Logger;
  /** What an ingress of its own has in common with that of the public side. */
  readonly ingress: Omit<HttpIngressOptions, 'routes' | 'own'>;
}

export interface Control {
  /** Answers on the server's own port; nothing, where control listens by itself. */
  readonly endpoints: readonly OwnEndpoints[];
  /** Ends the requests of those who are no admins any more. */
  rejudge(current: Current): void;
  /** Where it listens by itself; null: nowhere. */
  readonly address: HostPort | null;
  /**
   * Listens where it has an address of its own, with the certificate of the server. Rejects with
   * LISTEN_FAILED, and CONFIG_INVALID for files that cannot be used.
   */
  listen(tls: CertificateFiles | undefined): Promise<void>;
  /** As `PublicListener.prepare`. */
  prepare(files: CertificateFiles | undefined): () => void;
  close(): void;
}

export function createControl(options: ControlOptions): Control {
  const { domain, publicUrl, log, ingress, listen = null, origins = [] } = options;
  const names = [domain, publicUrl?.hostname ?? domain, listen?.host ?? domain];
  const hosts = [...names, ...(options.hosts ?? [])].map((name) => canonicalHost(name) ?? name);
  const endpoints = createControlEndpoints({
    door: createDoor({ ...options, hosts: new Set(hosts), origins: new Set(origins) }),
    api: createControlApi(options),
    isServiceHost: (host) => listen === null && host.endsWith(`.${canonicalHost(domain)}`),
    newId: ingress.newId,
    log,
  });
  const opened = new DisposableStack();
  opened.defer(() => endpoints.close());
  let listener: PublicListener | null = null;

  return {
    endpoints: listen === null ? [endpoints] : [],
    rejudge: (current) => endpoints.rejudge(current),
    get address() {
      return listener?.address ?? null;
    },
    async listen(tls) {
      if (listen === null) return;
      const http = createHttpIngress({ ...ingress, routes: createRoutes(domain), own: endpoints });
      opened.defer(() => http.close());
      listener = await openPublicListener({
        listen,
        tls,
        proxyProtocolFrom: null,
        log,
        connection: (socket, secure) =>
          http.serve(socket, secure, undefined, clientCertificateOf(socket)),
        failed: (error, peer) => log.debug({ peer, error: error.message }, 'connection refused'),
      });
      opened.adopt(listener, (open) => open.close());
    },
    prepare: (files) => listener?.prepare(files) ?? (() => {}),
    close: () => opened.dispose(),
  };
}
