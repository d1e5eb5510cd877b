/**
 * Many agents in one process, started by `fleet.ts`: each attaches with one private service, and the
 * parent is told of each time that one is ready. Ends with its parent.
 */
import type { Transport } from '../../src/attach/transport-choice.ts';
import { createAgent, createAllowList, createLogger, createAccessLog } from '../../src/index.ts';
import { parseTarget } from '../../src/net/target.ts';
import { HEARTBEAT_MS } from '../../src/limits.ts';

export interface FleetSetting {
  readonly server: string;
  readonly token: string;
  readonly transport: Transport;
  readonly count: number;
  /** Of the names of the services. */
  readonly prefix: string;
}

/** An agent is ready: when, by the clock of the machine. */
export interface FleetReady {
  readonly at: number;
}

const { server, token, transport, count, prefix } = JSON.parse(process.argv[2]) as FleetSetting;
const accessLog = createAccessLog(createLogger({ level: 'silent', format: 'json' }), false);
const target = parseTarget('127.0.0.1:9');
const allow = createAllowList([]);
const forever = new AbortController().signal;
process.on('disconnect', () => process.exit());

/** How many may attach for the first time at once: the return after a restart has no such limit. */
const AT_ONCE = 32;

function start(number: number): Promise<void> {
  const first = Promise.withResolvers<void>();
  const agent = createAgent({
    server: new URL(server),
    token,
    transport,
    services: [
      {
        offer: { name: `${prefix}-${number}`, kind: 'tcp' },
        target,
        allow,
        insecureTarget: false,
      },
    ],
    program: 'fleet/1',
    heartbeatMs: HEARTBEAT_MS,
    keepTrying: false,
    drainGraceMs: 0,
    accessLog,
    events: {
      registered() {},
      ready() {
        process.send!({ at: Date.now() } satisfies FleetReady);
        first.resolve();
      },
      lost() {},
    },
  });
  agent.run(forever).catch((error: unknown) => {
    throw error;
  });
  return first.promise;
}

let next = 0;
async function startInTurn(): Promise<void> {
  while (next < count) await start(next++);
}
await Promise.all(Array.from({ length: AT_ONCE }, startInTurn));
