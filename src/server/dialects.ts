/** The dialects of a server as one: opened together or not at all, drained and closed together. */
import type { Dialect, DialectFactory, DialectHost, QuicPeers } from '../compat/dialect.ts';
import type { OwnEndpoints } from '../ingress/http/own-endpoints.ts';
import type { WhenAbsent } from '../registry/waiting-room.ts';

export interface Dialects {
  readonly endpoints: readonly OwnEndpoints[];
  /** By the name of the dialect: those whose peers come by QUIC. */
  readonly quic: ReadonlyMap<string, QuicPeers>;
  /** Streams and requests under way, in all of them. */
  readonly active: number;
  /** As the dialect whose service it is has it; null: of none. */
  whenAbsent(service: string): WhenAbsent | null;
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
    quic: new Map(opened.flatMap(({ name, quic }) => (quic === undefined ? [] : [[name, quic]]))),
    get active() {
      return opened.reduce((sum, { active }) => sum + active, 0);
    },
    whenAbsent(service) {
      for (const dialect of opened) {
        const wish = dialect.whenAbsent?.(service) ?? null;
        if (wish !== null) return wish;
      }
      return null;
    },
    rejudge: () => opened.forEach((dialect) => dialect.rejudge?.()),
    drain: () => opened.forEach((dialect) => dialect.drain()),
    close,
  };
}
