/** The control API as a function from a request of a known operator to its response. */
import { Hono, type Context } from 'hono';
import type { Identity } from '../access/identity.ts';
import type { Policy } from '../access/policy/policy.ts';
import { asSallyportError, SallyportError } from '../errors.ts';
import type { EventLog } from '../events/log.ts';
import { quoted } from '../net/printable.ts';
import type { Logger } from '../observe/logger.ts';
import { errorResponse, safeHeaders } from './error-response.ts';
import { createHandlers, type HandlersOptions } from './handlers.ts';
import {
  operationIds,
  operations,
  pathOf,
  type Operation,
  type OperationId,
} from './operations.ts';
import { readQuestion } from './question.ts';

export interface ControlApiOptions extends HandlersOptions {
  readonly events: EventLog;
  /** Asked for each operation: action `control`, its id in the place of the service. */
  readonly policy: () => Policy;
  readonly log: Logger;
}

/** Who asks, as the door has found out. */
export interface Caller {
  readonly identity: Identity;
  /** `ip:port`. */
  readonly peer: string;
  readonly requestId: string;
}

export type ControlApi = (request: Request, caller: Caller) => Promise<Response>;

interface Environment {
  Bindings: Caller;
}

/** Rejects never: what goes wrong is the response. */
export function createControlApi(options: ControlApiOptions): ControlApi {
  const { events, log, policy } = options;
  const handlers = createHandlers(options);
  const app = new Hono<Environment>();

  async function authorise(id: OperationId, { identity, peer }: Caller): Promise<void> {
    const question = { action: 'control', identity, service: id, target: null } as const;
    const decision = await policy().authorize({ ...question, consumer: peer, key: null });
    if (!decision.allow) throw new SallyportError('DENIED', `control ${id}: ${decision.reason}`);
  }

  async function answer(id: OperationId, context: Context<Environment>): Promise<Response> {
    const operation: Operation = operations[id];
    const caller = context.env;
    await authorise(id, caller);
    const name = /\{(\w+)\}/.exec(operation.path)?.[1];
    const subject = name === undefined ? null : (context.req.param(name) ?? null);
    const question = await readQuestion(context.req.raw, operation, subject);
    const made = await handlers[id](question, context.req.raw);
    note(id, operation, caller, question);
    return made instanceof Response ? made : Response.json(made, { headers: safeHeaders });
  }

  function note(
    id: OperationId,
    { method }: Operation,
    { identity, peer, requestId }: Caller,
    { subject, reason }: { subject: string | null; reason: string | null },
  ): void {
    const fields = { id: requestId, operation: id, subject, identity: identity.name, peer };
    if (method === 'get') return log.debug(fields, 'control');
    log.info(fields, 'control');
    const done = { operation: id, subject, identity: identity.name, peer, reason };
    events.publish('control.action', done);
  }

  for (const id of operationIds) {
    const path = pathOf(id).replace(/\{(\w+)\}/g, ':$1');
    app.on(operations[id].method.toUpperCase(), path, (context) => answer(id, context));
  }
  app.notFound(({ req }) => {
    const what = `${req.method} ${quoted(req.path)} is no operation; docs/openapi.json lists them`;
    throw new SallyportError('CONTROL_UNKNOWN', `control: ${what}`);
  });
  app.onError((thrown, context) => {
    const error = asSallyportError(thrown);
    const { requestId: id, identity, peer } = context.env;
    const fields = { id, identity: identity.name, peer, code: error.code, error: error.message };
    if (error.code === 'INTERNAL') log.error({ ...fields, cause: error.cause }, 'control failed');
    else log.info(fields, 'control refused');
    return errorResponse(error, id);
  });
  return async (request, caller) => app.fetch(request, caller);
}
