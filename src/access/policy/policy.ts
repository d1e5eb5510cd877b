/**
 * The policy seam: one question, asked for every registration, stream, request and control call.
 *
 * An implementation MUST fail closed: an error, a time-out or an answer that makes no sense is a
 * refusal whose reason says so. It MUST NOT hold up other questions while it works on one.
 */
import type { Identity } from '../identity.ts';

export const actions = ['register', 'connect', 'http', 'control'] as const;
export type Action = (typeof actions)[number];

export interface AccessRequest {
  readonly action: Action;
  /** Null: nobody has said who it is. */
  readonly identity: Identity | null;
  /** The service to register or to reach; for `control` the name of the operation. */
  readonly service: string;
  /** Target that the consumer chose; null for the service's own. */
  readonly target: { readonly host: string; readonly port: number } | null;
  /** `ip:port` of the consumer; for `register` and `control` that of the client itself. */
  readonly consumer: string;
  /** Key that the consumer presents; null without one. A secret: never logged. */
  readonly key: string | null;
}

export interface Decision {
  readonly allow: boolean;
  /** In words, for events, logs and the one who was refused: which rule or script said so. No secrets. */
  readonly reason: string;
}

/** One look at one rule or script on the way to a decision. No secrets. */
export interface Step {
  /** Where it stands in the configuration. */
  readonly place: string;
  /** What came of it, as a sentence without its subject: `does not match: …`. */
  readonly outcome: string;
}

export type Tell = (step: Step) => void;

export interface Policy {
  /**
   * At once where it can be: a promise costs every stream a turn. Never throws and never rejects.
   * `tell` hears every step in order, for whoever wants to know how a decision comes about.
   */
  authorize(request: AccessRequest, tell?: Tell): Decision | Promise<Decision>;
  /** Ends its workers, timers and requests. Questions under way are refused. */
  close(): void;
}
