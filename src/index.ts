/**
 * Sallyport as a library: what the command line is made of. Everything else in this package may
 * change without notice.
 *
 * Common to all of it: durations are milliseconds and sizes are bytes; whatever fails, fails with a
 * `SallyportError`, whose `code` is stable; whatever is created is closed by who created it; and a
 * side that does not read stops the other side's writing.
 */
export { createServer } from './server/server.ts';
export type { Server } from './server/handle.ts';
export type { LiveOptions, ServerOptions } from './server/options.ts';

export { createAgent } from './agent/agent.ts';
export type { Agent, AgentEvents, AgentOptions } from './agent/agent.ts';
export type { AgentService, HandlerTarget } from './agent/service.ts';
export { createFetchTarget } from './agent/fetch-target.ts';
export type { FetchHandler, FetchTarget } from './agent/fetch-target.ts';
export type { Served, ServeOptions } from './agent/serve.ts';
export type { Registered, ServiceOffer } from './attach/messages.ts';

export { createConsumer } from './consumer/consumer.ts';
export type { Consumer, ConsumerOptions, StayOptions, Wish } from './consumer/consumer.ts';
export { connectDuplex } from './consumer/connect.ts';
export { openForward } from './consumer/forward.ts';
export type { Forward, ForwardOptions } from './consumer/forward.ts';
export { parseRule } from './consumer/rule.ts';
export type { ForwardRule } from './consumer/rule.ts';

export { createAllowList } from './access/allow.ts';
export type { AllowList } from './access/allow.ts';
export { hashConsumerPassword } from './access/consumer-password.ts';
export { allScopes } from './access/identity.ts';
export type { AuthenticatorOptions } from './access/authenticate/authenticators.ts';
export type { IdentityOptions } from './access/identities.ts';
export type { Role, Scopes } from './access/identity.ts';
export { createPolicyChain } from './access/policy/chain.ts';
export type { PolicyLink } from './access/policy/chain-faults.ts';
export type { AccessRequest, Decision, Policy } from './access/policy/policy.ts';
export type { RuleOptions } from './access/policy/rule.ts';
export { createToken, hashToken } from './access/tokens.ts';

export { formatAddress, parseListenAddress } from './net/address.ts';
export type { HostPort } from './net/address.ts';
export { parsePortRanges } from './net/ports.ts';
export type { PortRange } from './net/ports.ts';
export { parseTarget } from './net/target.ts';
export type { Target } from './net/target.ts';

export type { EventPayloads, EventType, SallyportEvent } from './events/event.ts';
export { createEventFilter } from './events/filter.ts';
export type { EventFilter, EventFilterOptions } from './events/filter.ts';
export type { EventFeed, EventLog } from './events/log.ts';
export { createEventStream } from './events/sse.ts';
export type { EventStreamOptions } from './events/sse.ts';
export type { AuditSettings, ObservationSettings, WebhookSettings } from './server/observation.ts';

export { createAccessLog } from './observe/access-writer.ts';
export type { AccessLog, Outcome, RequestLine, StreamLine } from './observe/access-log.ts';
export { createLogger } from './observe/logger.ts';
export type { Logger, LoggerOptions } from './observe/logger.ts';

export { createHubbleEvents } from './compat/hubble/events.ts';
export type { ConnectionRequest, HubbleEvent } from './compat/hubble/events.ts';
export { createHubbleProxy } from './compat/hubble/proxy.ts';
export type { HubbleProxyOptions } from './compat/hubble/proxy.ts';

export { serve } from './compat/serve.ts';
export type { ReverstCredentials } from './compat/reverst/client/credentials.ts';
export type { ReverstServeOptions, ServedGroup } from './compat/reverst/client/serve.ts';

export { errorKinds, SallyportError } from './errors.ts';
export type { ErrorCode, Hop } from './errors.ts';
