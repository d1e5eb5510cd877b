/** The links of a policy, and whether they go together. */
import type { RuleOptions } from './rule.ts';

const linkKinds = ['rules', 'lua', 'http', 'always'] as const;

/** One link of the chain: exactly one of the keys. */
export interface PolicyLink {
  readonly rules?: readonly RuleOptions[];
  /** Path of a script. */
  readonly lua?: string;
  /** URL of a service. */
  readonly http?: string;
  readonly always?: 'allow' | 'deny';
}

/** What of a link is looked at here, as a file has it too. */
type LinkShape = {
  readonly [Kind in Exclude<(typeof linkKinds)[number], 'rules'>]?: string | undefined;
} & { readonly rules?: readonly Pick<RuleOptions, 'effect'>[] | undefined };

export interface ChainFault {
  /** Where in the list. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is wrong with how the links go together: each must be asked by the one before it, or be the first. */
export function chainFaults(links: readonly LinkShape[]): ChainFault[] {
  return links.flatMap((link, index): ChainFault[] => {
    const path = [index];
    const kinds = linkKinds.filter((kind) => link[kind] !== undefined);
    if (kinds.length !== 1)
      return [{ path, message: `must have exactly one of the keys ${linkKinds.join(', ')}` }];
    const last = index === links.length - 1;
    const asks = link.rules?.findIndex(({ effect }) => effect === 'ask') ?? -1;
    if (link.rules?.length === 0)
      return [{ path: [index, 'rules'], message: 'has no rule, so it denies everything; add one' }];
    if (last && asks >= 0)
      return [
        { path: [index, 'rules', asks, 'effect'], message: 'asks nobody: nothing follows it' },
      ];
    if (!last && asks < 0) {
      const why =
        link.rules === undefined
          ? `${kinds[0]} decides everything`
          : 'no rule before it has the effect ask';
      return [{ path: [index + 1], message: `is never asked: ${why}` }];
    }
    return [];
  });
}
