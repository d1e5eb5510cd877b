/** The dialects of a server as one: opened together or not at all, drained and closed together. */
import type { Dialect, DialectFactory, DialectHost } from '../compat/dialect.ts';
import type { OwnEndpoints } from '../ingress/http/own-endpoints.ts';

export interface Dialects {
  readonly endpoints: readonly OwnEndpoints[];
  /** Streams and requests under way, in all of them. */
  readonly active: number;
  rejudge(): void;
  drain(): void;
  close(): void;
}

/** Rejects with what the first factory that fails rejects with; those opened before it are closed. */
export async function openDialects(
  factories: readonly DialectFactory[],
  host: DialectHost,
): Promise<Dialects> {
  const opened: Dialect[] = [];
  const close = (): void => opened.forEach((dialect) => dialect.close());
  try {
    for (const factory of factories) opened.push(await factory(host));
  } catch (thrown) {
    close();
    throw thrown;
  }
  return {
    endpoints: opened.map(({ endpoints }) => endpoints).filter((endpoints) => endpoints !== null),
    get active() {
      return opened.reduce((sum, { active }) => sum + active, 0);
    },
    rejudge: () => opened.forEach((dialect) => dialect.rejudge?.()),
    drain: () => opened.forEach((dialect) => dialect.drain()),
    close,
  };
}
