/** Groups and secrets in files, read again whenever those change. */
import fs from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { SallyportError } from '../../errors.ts';
import { REVERST_GROUPS_FILE_MAX_BYTES, REVERST_SECRET_MAX_BYTES } from '../../limits.ts';
import { watchFiles } from '../../observe/watched-files.ts';
import { createComplaint } from './complaint.ts';
import { readGroups, type Group } from './groups.ts';
import type {
  GroupsEvents,
  GroupsSource,
  ParseGroups,
  SecretEvents,
  SecretSource,
} from './groups-source.ts';

/** `watch`: whether the file is followed. Throws CONFIG_INVALID at the start only. */
export function openGroupsFile(
  file: string,
  parse: ParseGroups,
  watch: boolean,
  events: GroupsEvents,
): GroupsSource {
  const read = (): Group[] => readGroups(parse(file, readFile(file).toString('utf8')));
  let groups = read();
  const told = createComplaint((error) => events.kept(error));
  const reread = (): void => {
    told.unless(() => {
      const next = read();
      if (isDeepStrictEqual(next, groups)) return;
      groups = next;
      events.changed(groups);
    });
  };
  const watched = watch ? watchFiles([file], reread) : null;
  return {
    get groups() {
      return groups;
    },
    close: () => watched?.close(),
  };
}

export function openSecretFile(file: string, events: SecretEvents): SecretSource {
  let bytes: Buffer | null = null;
  let open = false;
  const told = createComplaint((error) => events.trouble(error));
  const reread = (): void => {
    told.unless(() => {
      const next = readSecret(file);
      if (bytes?.equals(next)) return;
      bytes = next;
      if (open) events.changed();
    });
  };
  reread();
  open = true;
  const watched = watchFiles([file], reread);
  return {
    get bytes() {
      return bytes;
    },
    close: () => watched.close(),
  };
}

function readFile(file: string): Buffer {
  return readBounded('tunnel groups', file, REVERST_GROUPS_FILE_MAX_BYTES);
}

/** An empty one is none: everybody knows it. */
function readSecret(file: string): Buffer {
  const bytes = readBounded('token path', file, REVERST_SECRET_MAX_BYTES);
  if (bytes.length > 0) return bytes;
  throw new SallyportError('CONFIG_INVALID', `token path: ${file} is empty; write the token to it`);
}

function readBounded(what: string, file: string, maxBytes: number): Buffer {
  try {
    if (fs.statSync(file).size <= maxBytes) {
      const bytes = fs.readFileSync(file);
      if (bytes.length <= maxBytes) return bytes;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = `${what}: cannot read ${file}: ${code}; correct the path or its mode`;
    throw new SallyportError('CONFIG_INVALID', why, { cause });
  }
  const why = `${what}: ${file} is larger than the ${maxBytes} bytes that make sense; name the right file`;
  throw new SallyportError('CONFIG_INVALID', why);
}
