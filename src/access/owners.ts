/** Whose agents offer which service, and how many of each. */
import type { Identity } from './identity.ts';

/** An identity whose agents offer a service. */
export interface Owner {
  readonly identity: Identity;
  agents: number;
}

const nobody: readonly Owner[] = [];

export class Owners {
  /** By service: nearly always one. */
  readonly #services = new Map<string, Owner[]>();

  /** One more agent of the identity offers the service. */
  add(identity: Identity, service: string): void {
    const owners = this.#services.get(service);
    const known = owners?.find((owner) => owner.identity.name === identity.name);
    if (known !== undefined) known.agents++;
    else if (owners !== undefined) owners.push({ identity, agents: 1 });
    else this.#services.set(service, [{ identity, agents: 1 }]);
  }

  /** One fewer. */
  remove({ name }: Identity, service: string): void {
    const owners = this.#services.get(service);
    const at = owners?.findIndex((owner) => owner.identity.name === name) ?? -1;
    if (owners === undefined || at === -1) return;
    if (--owners[at].agents > 0) return;
    if (owners.length > 1) owners.splice(at, 1);
    else this.#services.delete(service);
  }

  /** All whose agents offer the service. */
  of(service: string): readonly Owner[] {
    return this.#services.get(service) ?? nobody;
  }
}
