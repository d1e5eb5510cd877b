/** `sallyport policy test`: what the policy of a file would say to a question, and why. */
import { allScopes, createIdentity, type Identity } from '../../access/identity.ts';
import { createPolicyChain } from '../../access/policy/chain.ts';
import type { AccessRequest, Decision, Step } from '../../access/policy/policy.ts';
import { mayConsume, mayRegister, missingRole } from '../../access/scopes.ts';
import { loadOptions } from '../../config/load.ts';
import type { OptionsOf } from '../../config/schema.ts';
import { SallyportError } from '../../errors.ts';
import { parseDialAddress } from '../../net/address.ts';
import { quoted } from '../../net/printable.ts';
import type { CommandContext } from '../context.ts';
import { reportWarning } from '../report.ts';

const DENIED_EXIT = 3;

export async function run(context: CommandContext<OptionsOf<'policy'>>): Promise<number> {
  const { options, positionals, stdout, stderr } = context;
  const [word, file] = positionals;
  if (word !== 'test') {
    throw new SallyportError('USAGE', `policy ${quoted(word)}: is no action; write policy test`);
  }
  const read = { flags: { config: file }, env: {}, directory: process.cwd() };
  const { options: server, warnings } = await loadOptions('server', read);
  for (const warning of warnings) reportWarning(warning, stderr, options.json);
  const request = requestOf(options, server);
  const steps: Step[] = [];
  const { allow, reason } = await decide(request, server, (step) => steps.push(step));
  if (options.json) stdout.write(`${JSON.stringify({ allow, reason, steps })}\n`);
  else stdout.write(asText({ allow, reason }, steps));
  return allow ? 0 : DENIED_EXIT;
}

/** As the server decides: first the scopes of the identity, then the policy. */
async function decide(
  request: AccessRequest,
  { policy: links = [] }: OptionsOf<'server'>,
  tell: (step: Step) => void,
): Promise<Decision> {
  const { identity } = request;
  if (identity !== null) {
    const denied = outOfScope(identity, request);
    const place = `scopes of ${quoted(identity.name)}`;
    tell({ place, outcome: denied === null ? 'cover it' : `deny it: ${denied.message}` });
    if (denied !== null) return { allow: false, reason: denied.message };
  }
  const policy = await createPolicyChain(links);
  try {
    return await policy.authorize(request, tell);
  } finally {
    policy.close();
  }
}

function outOfScope(identity: Identity, request: AccessRequest): SallyportError | null {
  const { action, service, target } = request;
  if (action === 'register') return mayRegister(identity, { name: service });
  return action === 'control'
    ? missingRole(identity, 'admin')
    : mayConsume(identity, service, target);
}

function requestOf(options: OptionsOf<'policy'>, server: OptionsOf<'server'>): AccessRequest {
  const { action, service, target, consumer, key = null } = options;
  return {
    action,
    service,
    identity: options.identity === undefined ? null : identityOf(options.identity, server),
    target: target === undefined ? null : parseDialAddress(target, 'target'),
    consumer,
    key,
  };
}

/** The one listed, or the one that the token of the server stands for. */
function identityOf(name: string, { identities = [], token }: OptionsOf<'server'>): Identity {
  const listed = identities.find((identity) => identity.name === name);
  if (listed !== undefined) return createIdentity({ ...listed, authority: 'tokens' });
  if (name === 'default' && token !== undefined)
    return createIdentity({ name, authority: 'tokens', ...allScopes });
  const names = [...identities, ...(token === undefined ? [] : [{ name: 'default' }])];
  const known = names.map((identity) => identity.name).join(', ') || 'none';
  throw new SallyportError(
    'USAGE',
    `identity ${quoted(name)}: is not in the file; those are ${known}`,
  );
}

function asText({ allow, reason }: Decision, steps: readonly Step[]): string {
  const width = Math.max(0, ...steps.map(({ place }) => place.length));
  const lines = steps.map(({ place, outcome }) => `${place.padEnd(width)}  ${outcome}`);
  return [...lines, `${allow ? 'allowed' : 'denied'}: ${reason}`, ''].join('\n');
}
