/** What a group asks of those who register in it, in both shapes of the file. */
import { isMapping, unknownKeys, type Path, type Report } from './groups-document.ts';

type Values = Readonly<Record<string, unknown>>;

export type GroupAuthentication =
  | {
      readonly kind: 'basic';
      readonly scheme: string;
      readonly username: string;
      readonly password: string;
    }
  | { readonly kind: 'bearer'; readonly scheme: string; readonly token: TokenSource }
  | {
      readonly kind: 'external';
      readonly scheme: string;
      /** An http or https URL that is asked. */
      readonly endpoint: string;
    };

/** Where the token of a group comes from. */
export interface TokenSource {
  /** `path`: of a file, or `k8s://secret/NAMESPACE/NAME/KEY`; its bytes count as they are. */
  readonly from: 'text' | 'path';
  /** The SHA-256 of the token in hexadecimal, in place of the token. */
  readonly hashed: boolean;
  readonly value: string;
}

/** The words that stand in front of credentials, where the file names no other. */
const SCHEMES = { basic: 'Basic', bearer: 'Bearer', external: 'Bearer' } as const;

const TOKEN_KEYS = ['token', 'tokenPath', 'hashedToken', 'hashedTokenPath'];

/** Of the first shape: `type` and what may stand beside it. */
const TYPES: Readonly<Record<string, { kind: GroupAuthentication['kind']; keys: string[] }>> = {
  '': { kind: 'basic', keys: ['username', 'password'] },
  basic: { kind: 'basic', keys: ['username', 'password'] },
  bearer: { kind: 'bearer', keys: TOKEN_KEYS },
  token: { kind: 'bearer', keys: TOKEN_KEYS },
  external: { kind: 'external', keys: ['authorizationEndpoint'] },
};
const FLAT_KEYS = [...new Set(Object.values(TYPES).flatMap(({ keys }) => keys))];

/** Of the later shape. */
const NESTED_KEYS: Readonly<Record<string, string[]>> = {
  basic: ['scheme', 'username', 'password'],
  bearer: ['scheme', ...TOKEN_KEYS],
  external: ['scheme', 'endpoint'],
};

/** Reads one group's. What is wrong is reported; the answer means nothing then. */
export function readAuthentication(
  value: unknown,
  path: Path,
  report: Report,
): GroupAuthentication[] {
  if (!isMapping(value) || Object.keys(value).length === 0) {
    report(
      path,
      'is missing, which would let anybody register; say how, or write `type: insecure`',
      'key',
    );
    return [];
  }
  const flat = Object.keys(value).some((key) => key === 'type' || FLAT_KEYS.includes(key));
  return flat ? readFlat(value, path, report) : readNested(value, path, report);
}

function readFlat(values: Values, path: Path, report: Report): GroupAuthentication[] {
  const type = values['type'] ?? '';
  if (type === 'insecure') {
    unknownKeys(values, ['type'], path, report);
    return [];
  }
  if (typeof type !== 'string' || !Object.hasOwn(TYPES, type)) {
    report([...path, 'type'], 'is none of basic, bearer, token, external, insecure');
    return [];
  }
  const { kind, keys } = TYPES[type];
  unknownKeys(values, ['type', ...keys], path, report);
  return [readKind(kind, SCHEMES[kind], values, 'authorizationEndpoint', path, report)];
}

function readNested(values: Values, path: Path, report: Report): GroupAuthentication[] {
  unknownKeys(values, Object.keys(NESTED_KEYS), path, report);
  const schemes = new Map<string, string>();
  const kinds = ['basic', 'bearer', 'external'] as const;
  return kinds
    .filter((kind) => Object.hasOwn(values, kind))
    .map((kind) => {
      const inner = [...path, kind];
      const given = values[kind];
      if (!isMapping(given)) report(inner, 'is not a map; indent what belongs to it', 'key');
      const own = isMapping(given) ? given : {};
      unknownKeys(own, NESTED_KEYS[kind], inner, report);
      const scheme =
        own['scheme'] === undefined ? SCHEMES[kind] : text(own, 'scheme', inner, report);
      checkScheme(scheme, kind, schemes, inner, report);
      return readKind(kind, scheme, own, 'endpoint', inner, report);
    });
}

/** Credentials are told apart by the word in front of them, whatever its case. */
function checkScheme(
  scheme: string,
  kind: string,
  schemes: Map<string, string>,
  path: Path,
  report: Report,
): void {
  if (scheme === '') return;
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(scheme))
    report([...path, 'scheme'], 'is not one word of letters and digits');
  const other = schemes.get(scheme.toLowerCase());
  if (other !== undefined)
    report(path, `has the scheme of ${other}; write another \`scheme\` in one of them`, 'key');
  schemes.set(scheme.toLowerCase(), kind);
}

function readKind(
  kind: GroupAuthentication['kind'],
  scheme: string,
  values: Values,
  endpointKey: string,
  path: Path,
  report: Report,
): GroupAuthentication {
  if (kind === 'bearer') return { kind, scheme, token: readToken(values, path, report) };
  if (kind === 'basic') {
    const username = text(values, 'username', path, report);
    if (username.includes(':')) report([...path, 'username'], 'has a colon, which would end it');
    return { kind, scheme, username, password: text(values, 'password', path, report) };
  }
  const endpoint = text(values, endpointKey, path, report);
  if (endpoint !== '' && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    report([...path, endpointKey], 'is not an http:// or https:// URL');
  return { kind, scheme, endpoint };
}

function readToken(values: Values, path: Path, report: Report): TokenSource {
  const given = TOKEN_KEYS.filter((key) => Object.hasOwn(values, key));
  if (given.length !== 1) {
    report(path, `needs one of ${TOKEN_KEYS.join(', ')}, and not more`, 'key');
    return { from: 'text', hashed: false, value: '' };
  }
  const [key] = given;
  const value = text(values, key, path, report);
  const from = key.endsWith('Path') ? 'path' : 'text';
  const hashed = key.startsWith('hashed');
  if (hashed && from === 'text' && value !== '' && !/^[0-9a-f]{64}$/i.test(value))
    report([...path, key], 'is not a SHA-256 in hexadecimal, 64 digits');
  return { from, hashed, value };
}

/** Text that is not empty; an empty secret is none. */
function text(values: Values, key: string, path: Path, report: Report): string {
  const value = values[key];
  if (typeof value === 'string' && value !== '') return value;
  report([...path, key], 'is missing or empty; write its text');
  return '';
}
