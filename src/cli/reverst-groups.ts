/** Groups files of reverst, parsed as configuration files are. */
import type { ParseGroups } from '../compat/reverst/groups-source.ts';
import { parseConfig } from '../config/document.ts';
import { ConfigError } from '../config/problem.ts';

export const parseGroups: ParseGroups = (file, text) => {
  const { document, problems } = parseConfig(file, text);
  if (problems.length > 0) throw new ConfigError(problems);
  return document;
};
