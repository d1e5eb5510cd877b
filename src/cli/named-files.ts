/**
 * What a server would find wrong in the files that its configuration names: scripts, keys and
 * certificates. Nothing is written, and nobody is asked.
 */
import { createFixedKeys } from '../access/authenticate/key-source.ts';
import { createPolicyChain } from '../access/policy/chain.ts';
import type { OptionsOf } from '../config/schema.ts';
import { asSallyportError } from '../errors.ts';
import { readCertificate } from '../server/certificate.ts';
import { authenticatorOptions } from './authenticator-options.ts';

type Options = OptionsOf<'server'>;

/** The first fault of each kind, in the words in which the server would tell it. */
export async function namedFileFaults(options: Options): Promise<string[]> {
  const faults: string[] = [];
  for (const look of [readKeys, readTls, loadPolicy]) {
    try {
      await look(options);
    } catch (thrown) {
      faults.push(asSallyportError(thrown).message);
    }
  }
  return faults;
}

async function readKeys({ authenticators = [] }: Options): Promise<void> {
  for (const entry of authenticators) {
    const made = authenticatorOptions(entry);
    if (made.type === 'jwt' && made.keys !== undefined) createFixedKeys(made.keys, made.name);
  }
}

async function readTls(options: Options): Promise<void> {
  const { tlsCert: cert, tlsKey: key, tlsClientCa: clientCa } = options;
  if (cert === undefined || key === undefined) return;
  readCertificate({ cert, key, ...(clientCa === undefined ? {} : { clientCa }) });
}

async function loadPolicy({ policy = [] }: Options): Promise<void> {
  const chain = await createPolicyChain(policy);
  chain.close();
}
