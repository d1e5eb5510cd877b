/** The server put together: one port for everything, and what stands behind it. */
import { SallyportError } from '../errors.ts';
import { createHttpIngress } from '../ingress/http/ingress.ts';
import { chainEndpoints } from '../ingress/http/own-endpoints.ts';
import { HTTP_RESPONSE_TIMEOUT_MS } from '../limits.ts';
import { formatAddress } from '../net/address.ts';
import { createCidrSet } from '../net/cidr.ts';
import { drained } from '../session/drain.ts';
import { clientCertificateOf } from './client-certificate.ts';
import { createControl } from './control.ts';
import { createControlHost } from './control-host.ts';
import { openFoundation } from './foundation.ts';
import type { Server } from './handle.ts';
import type { ServerOptions } from './options.ts';
import { createOwnEndpoints } from './own-endpoints.ts';
import { createPreparations } from './preparations.ts';
import { openPublicListener } from './public-listener.ts';
import { defaultUrl } from './public-url.ts';
import { openConfiguredQuic } from './quic/service.ts';
import { createReload } from './reload.ts';
import { openTraffic } from './traffic.ts';

/**
 * Resolves when it listens. Rejects with LISTEN_FAILED, CONFIG_INVALID for credentials or a
 * certificate that cannot be used, and USAGE for a malformed scope or CIDR. Its owner closes it.
 */
export async function createServer(options: ServerOptions): Promise<Server> {
  using opened = new DisposableStack();
  const { log, program, domain = 'localhost', proxyProtocolFrom = [] } = options;
  const fromProxy = proxyProtocolFrom.length === 0 ? null : createCidrSet(proxyProtocolFrom);
  const foundation = await openFoundation(options);
  opened.defer(() => void foundation.close());
  const { settings, events, admission, policy, quotas, connections, newId } = foundation;
  const { accessLog, metrics, metricsAddress } = foundation.observation;
  const { authenticators, reception } = admission;
  const traffic = await openTraffic({
    options,
    foundation,
    domain,
    fromProxy,
    publicUrl: () => publicUrl,
  });
  opened.defer(() => traffic.close());
  const { routes, gate, sessions, dialects } = traffic;

  let draining = false;
  function drain(graceMs: number): void {
    if (draining) return;
    draining = true;
    events.publish('server.draining', { graceMs });
    traffic.drain();
    http.drain();
  }
  function rejudge(): void {
    traffic.rejudge();
    control.rejudge(authenticators.current);
  }

  const responseTimeoutMs = options.responseTimeoutMs ?? HTTP_RESPONSE_TIMEOUT_MS;
  const ingress = {
    gate,
    quotas,
    demands: admission,
    accessLog,
    newId,
    responseTimeoutMs,
    trusted: foundation.trusted,
    routeByForwardedHost: options.routeByForwardedHost ?? false,
    defect: (error: SallyportError, id: string) =>
      log.error({ error, id }, 'request failed for an unforeseen reason'),
  };
  const control = createControl({
    ...options.control,
    domain,
    publicUrl: options.publicUrl,
    reception,
    events,
    metrics,
    log,
    ingress,
    policy: () => policy,
    host: createControlHost({
      ...traffic,
      events,
      live: foundation.live,
      rejudge,
      identities: authenticators.identities,
      revocations: admission.revocations,
      facts: () => ({
        program,
        draining,
        listen: formatAddress(listener.address),
        publicUrl: publicUrl.href,
        requests: http.active,
      }),
      drain: () => drain(settings.drainGraceMs),
      configuration: options.control?.configuration ?? null,
    }),
  });
  opened.defer(() => control.close());
  const own = createOwnEndpoints({
    reception,
    sessions,
    program,
    responseTimeoutMs,
    draining: () => draining,
  });
  opened.defer(() => own.close());
  const http = createHttpIngress({
    ...ingress,
    routes,
    own: chainEndpoints([...dialects.endpoints, own, ...control.endpoints]),
  });
  opened.defer(() => http.close());
  const listener = await openPublicListener({
    listen: options.listen,
    alsoListen: options.alsoListen ?? [],
    tls: options.tls,
    proxyProtocolFrom: fromProxy,
    connections,
    log,
    connection(socket, secure, peer) {
      const from = peer === null ? undefined : { address: peer.host, port: peer.port };
      http.serve(socket, secure, from, clientCertificateOf(socket));
    },
    failed(error, peer) {
      metrics?.handshakeFailed('tls');
      log.debug({ peer, error: error.message }, 'connection refused');
    },
  });
  opened.defer(() => listener.close());
  const publicUrl = options.publicUrl ?? defaultUrl(domain, listener.address.port, listener.secure);
  await control.listen(options.tls);
  const quic = await openConfiguredQuic(options, {
    reception,
    sessions,
    dialects: dialects.quic,
    checkRoom() {
      if (draining)
        throw new SallyportError('SERVER_DRAINING', 'attach: the server is shutting down');
      const full = sessions.full();
      if (full !== null) throw full;
    },
  });
  opened.defer(() => quic?.close());
  const preparations = createPreparations({
    ...foundation,
    expected: traffic.expected,
    listeners: quic === null ? [listener, control] : [listener, control, quic],
  });
  const everything = opened.move();

  return {
    events,
    metrics,
    metricsAddress,
    quicAddress: quic?.address ?? null,
    get quicPid() {
      return quic?.pid;
    },
    publicUrl,
    address: listener.address,
    controlAddress: control.address,
    reload: createReload(options, preparations, rejudge),
    async close(graceMs = settings.drainGraceMs) {
      drain(graceMs);
      listener.close();
      traffic.closePorts();
      await drained(() => http.active + traffic.active, graceMs);
      everything.dispose();
      await quic?.closed;
      await foundation.close();
    },
  };
}
