/** What each operation of the control API does. */
import { SallyportError } from '../errors.ts';
import { createEventFilter } from '../events/filter.ts';
import type { EventFeed } from '../events/log.ts';
import { createEventStream, eventStreamHeaders } from '../events/sse.ts';
import { CONTROL_LIST_MAX, EVENTS_KEPT_MAX } from '../limits.ts';
import { printable, quoted } from '../net/printable.ts';
import { safeHeaders } from './error-response.ts';
import type { Configuration, ControlHost, Ended } from './host.ts';
import { openApiDocument } from './openapi.ts';
import type { OperationId } from './operations.ts';
import type { Question } from './question.ts';

/** Metrics in the text format of Prometheus. */
export interface MetricsSource {
  readonly type: string;
  text(): Promise<string>;
}

export interface HandlersOptions {
  readonly host: ControlHost;
  readonly events: EventFeed;
  /** Null: the server keeps none. */
  readonly metrics: MetricsSource | null;
}

/** An object is answered as JSON. */
export type Handler = (
  question: Question,
  request: Request,
) => object | Response | Promise<object | Response>;

const EVENTS_DEFAULT = 100;

export function createHandlers(options: HandlersOptions): Readonly<Record<OperationId, Handler>> {
  const { host, events, metrics } = options;

  /** What was collected in this turn, with the number it is true at. */
  function list<View>(all: Iterable<View>, keep: (view: View) => boolean): object {
    const items: View[] = [];
    let total = 0;
    for (const view of all) {
      if (!keep(view)) continue;
      total++;
      if (items.length < CONTROL_LIST_MAX) items.push(view);
    }
    return { run: events.run, seq: host.seq, total, items };
  }

  function kicked(what: string, { subject, reason }: Question): SallyportError {
    const said = reason === null ? '' : `: ${printable(reason)}`;
    return new SallyportError('KICKED', `${what} ${subject}: ended by an operator${said}`);
  }

  function ended(what: string, { subject }: Question, found: Ended | null): object {
    if (found === null)
      throw new SallyportError('CONTROL_UNKNOWN', `${what} ${quoted(subject!)}: there is none`);
    return { seq: host.seq, ...found };
  }

  const kickClient =
    (role: 'agent' | 'consumer'): Handler =>
    (question) =>
      ended(role, question, host.kickClient(role, question.subject!, kicked('session', question)));

  return {
    'status.read': () => ({ seq: host.seq, ...host.status() }),
    'agents.list': ({ passes }) =>
      list(host.clients('agent'), ({ identity }) => passes('identity', identity)),
    'agents.kick': kickClient('agent'),
    'consumers.list': ({ passes }) =>
      list(host.clients('consumer'), ({ identity }) => passes('identity', identity)),
    'consumers.kick': kickClient('consumer'),
    'services.list': ({ passes }) =>
      list(host.services(), ({ service }) => passes('service', service)),
    'services.kick': (question) =>
      ended('service', question, host.kickService(question.subject!, kicked('service', question))),
    'routes.list': ({ passes }) => list(host.routes(), ({ service }) => passes('service', service)),
    'streams.list': ({ passes }) =>
      list(
        host.streams(),
        ({ service, identity }) => passes('service', service) && passes('identity', identity),
      ),
    'streams.kick': (question) =>
      ended('stream', question, host.kickStream(question.subject!, kicked('stream', question))),
    'identities.list': ({ passes }) =>
      list(host.identities(), ({ identity }) => passes('identity', identity)),
    'identities.revoke': (question) => ended('identity', question, host.revoke(question.subject!)),
    'identities.restore'({ subject }) {
      if (host.restore(subject!)) return { seq: host.seq, identity: subject };
      const why = 'it was not revoked';
      throw new SallyportError('CONTROL_UNKNOWN', `identity ${quoted(subject!)}: ${why}`);
    },
    'config.read'() {
      return configured(host).options();
    },
    async 'config.reload'() {
      const { changed, restart } = await configured(host).reload();
      return { seq: host.seq, changed, restart };
    },
    'server.drain'() {
      host.drain();
      return { seq: host.seq, draining: true };
    },
    'events.recent'(question) {
      const limit = limitOf(question);
      const kept = events.since(events.first - 1)!.filter(filterOf(question));
      const { run, seq } = events;
      return { run, seq, total: kept.length, items: kept.slice(-limit) };
    },
    'events.follow'(question, request) {
      const place = request.headers.get('Last-Event-ID') ?? question.values('after')[0];
      const stream = createEventStream(events, {
        filter: filterOf(question),
        ...(place === undefined ? {} : { lastEventId: place }),
      });
      return new Response(stream, { headers: { ...safeHeaders, ...eventStreamHeaders } });
    },
    async 'metrics.read'() {
      if (metrics === null) throw absent('control: this server was started without metrics');
      const headers = { ...safeHeaders, 'Content-Type': metrics.type };
      return new Response(await metrics.text(), { headers });
    },
    'openapi.read': () => openApiDocument(),
  };
}

function configured({ configuration }: ControlHost): Configuration {
  if (configuration !== null) return configuration;
  throw absent('control: whoever started this server keeps its configuration to himself');
}

function filterOf({ values }: Question): ReturnType<typeof createEventFilter> {
  const of = (name: string): readonly string[] | undefined => {
    const given = values(name);
    return given.length === 0 ? undefined : given;
  };
  const [types, services, identities] = [of('type'), of('service'), of('identity')];
  return createEventFilter({
    ...(types === undefined ? {} : { types }),
    ...(services === undefined ? {} : { services }),
    ...(identities === undefined ? {} : { identities }),
  });
}

function limitOf({ values }: Question): number {
  const [text = String(EVENTS_DEFAULT)] = values('limit');
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= EVENTS_KEPT_MAX) return limit;
  const why = `limit: give a number from 1 to ${EVENTS_KEPT_MAX}`;
  throw new SallyportError('REQUEST_INVALID', `control: ${why}`);
}

function absent(why: string): SallyportError {
  return new SallyportError('CONTROL_ABSENT', why);
}
