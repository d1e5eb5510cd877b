/** Whose agents offer which service, and how many of each. */
import { MostlyOne } from '../session/mostly-one.ts';
import type { Identity } from './identity.ts';

/** An identity whose agents offer a service. */
export interface Owner {
  readonly identity: Identity;
  agents: number;
}

const nobody: readonly Owner[] = [];

export class Owners {
  /** By service, then by the identity's name. */
  readonly #services = new Map<string, MostlyOne<string, Owner>>();

  /** One more agent of the identity offers the service. */
  add(identity: Identity, service: string): void {
    const of = this.#services.get(service) ?? new MostlyOne<string, Owner>();
    const owner = of.get(identity.name) ?? { identity, agents: 0 };
    owner.agents++;
    this.#services.set(service, of.set(identity.name, owner));
  }

  /** One fewer. */
  remove({ name }: Identity, service: string): void {
    const of = this.#services.get(service);
    const owner = of?.get(name);
    if (of === undefined || owner === undefined) return;
    if (--owner.agents === 0) of.delete(name);
    if (of.size === 0) this.#services.delete(service);
  }

  /** All whose agents offer the service. */
  of(service: string): Iterable<Owner> {
    return this.#services.get(service)?.values() ?? nobody;
  }
}
