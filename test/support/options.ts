/** Loads the options of commands from flags, variables and files in a directory of their own. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { loadOptions, type Loaded } from '../../src/config/load.ts';
import type { CommandName, OptionsOf } from '../../src/config/schema.ts';
import { SallyportError } from '../../src/errors.ts';

export const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sallyport-options-'));
after(() => fs.rmSync(directory, { recursive: true }));

export interface Given {
  flags?: Record<string, string | string[]>;
  env?: NodeJS.ProcessEnv;
  /** Content of the configuration file. */
  yaml?: string;
}

let files = 0;

/** Writes a file into the directory and gives its path. */
export function write(name: string, text: string, mode = 0o600): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  fs.chmodSync(file, mode);
  return file;
}

export function load<Name extends CommandName>(
  name: Name,
  { flags = {}, env = {}, yaml }: Given,
): Promise<Loaded<OptionsOf<Name>>> {
  files += 1;
  const config = yaml === undefined ? {} : { config: write(`config-${files}.yaml`, yaml) };
  return loadOptions(name, { flags: { ...config, ...flags }, env, directory });
}

export async function optionsOf<Name extends CommandName>(
  name: Name,
  given: Given,
): Promise<OptionsOf<Name>> {
  return (await load(name, given)).options;
}

/** Asserts that loading is refused, and gives the message with paths relative to the directory. */
export async function refusal(name: CommandName, given: Given): Promise<string> {
  const thrown = await load(name, given).then(
    () => assert.fail('was not refused'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof SallyportError, String(thrown));
  assert.equal(thrown.exit, 2);
  return thrown.message.replaceAll(`${directory}/`, '');
}
