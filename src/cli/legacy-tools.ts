/** The tools whose command lines work here too: `sallyport TOOL …` with the flags of the originals. */
import type { Invocation } from './invocation.ts';

export interface LegacyTool {
  /** One line, for the list of commands. */
  readonly summary: string;
  load(): Promise<{
    /** `args` begin behind the name of the tool. Gives the exit code, or throws as commands do. */
    run(invocation: Invocation): Promise<number>;
  }>;
}

export const legacyTools: Readonly<Record<string, LegacyTool>> = {
  callback: {
    summary: 'The server and both clients of callback, with the flags of the originals.',
    load: () => import('./legacy/callback.ts'),
  },
  hubble: {
    summary: 'The proxy and the agent of Hubble, with the flags of the originals.',
    load: () => import('./legacy/hubble.ts'),
  },
  wstunnel: {
    summary: 'The server and the client of WStunnel, with the flags of the originals.',
    load: () => import('./legacy/wstunnel.ts'),
  },
  sokken: {
    summary: 'The server and the client of sokken, with the flags of the original.',
    load: () => import('./legacy/sokken.ts'),
  },
  reverst: {
    summary: 'The server and the client of reverst, with the flags of the originals.',
    load: () => import('./legacy/reverst.ts'),
  },
};
