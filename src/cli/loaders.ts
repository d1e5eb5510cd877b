/** Where the commands are. Each is loaded only when it is to run: `connect` starts once for each ssh. */
import type { CommandName, OptionsOf } from '../config/schema.ts';
import type { Run } from './context.ts';

export const loaders: {
  readonly [Name in CommandName]: () => Promise<{ run: Run<OptionsOf<Name>> }>;
} = {
  server: () => import('./commands/server.ts'),
  http: () => import('./commands/http.ts'),
  tcp: () => import('./commands/tcp.ts'),
  agent: () => import('./commands/agent.ts'),
  connect: () => import('./commands/connect.ts'),
  forward: () => import('./commands/forward.ts'),
  doctor: () => import('./commands/doctor.ts'),
  demo: () => import('./commands/demo.ts'),
  ls: () => import('./commands/ls.ts'),
  ps: () => import('./commands/ps.ts'),
  status: () => import('./commands/status.ts'),
  events: () => import('./commands/events.ts'),
  kick: () => import('./commands/kick.ts'),
  control: () => import('./commands/control.ts'),
  config: () => import('./commands/config.ts'),
  policy: () => import('./commands/policy.ts'),
  audit: () => import('./commands/audit.ts'),
  token: () => import('./commands/token.ts'),
};
