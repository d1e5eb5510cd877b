import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineCounter, isMap, isScalar, parseDocument } from 'yaml';
import { SallyportError } from '../../errors.ts';
import { readGroups, type Group } from './groups.ts';
import type { GroupsDocument } from './groups-document.ts';

/** Places of keys only: what the reader asks for is what is tested, not how a file is parsed. */
function parse(text: string): GroupsDocument {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { schema: 'failsafe', lineCounter: lines });
  return {
    file: 'groups.yml',
    values: yaml.toJS() as unknown,
    position(path) {
      let node: unknown = yaml.contents;
      let offset = 0;
      for (const step of path) {
        if (!isMap(node)) break;
        const pair = node.items.find(({ key }) => isScalar(key) && key.value === step);
        if (pair === undefined || !isScalar(pair.key)) break;
        offset = pair.key.range![0];
        node = pair.value;
      }
      const { line, col } = lines.linePos(offset);
      return { line, column: col };
    },
  };
}

const read = (text: string): Group[] => readGroups(parse(text));

function group(authentication: string): string {
  const lines = authentication.split('\n').map((line) => `      ${line}`);
  return ['groups:', '  g:', '    hosts: [a.b]', '    authentication:', ...lines].join('\n');
}
const authentication = (text: string) => read(group(text))[0].authentication;

function refused(text: string, ...whys: RegExp[]): void {
  assert.throws(
    () => read(text),
    (error: unknown) =>
      error instanceof SallyportError &&
      error.code === 'CONFIG_INVALID' &&
      whys.every((why) => why.test(error.message)),
    text,
  );
}

const token = { from: 'text', hashed: false, value: 'some-token' };
const hash = 'ab'.repeat(32);

test('the first shape', () => {
  const file = `groups:
  "flipt.dev.local":
    hosts:
    - "flipt.dev.local"
    - Other.Example.
    authentication:
      type: basic
      username: user
      password: pass
`;
  const basic = { kind: 'basic', scheme: 'Basic', username: 'user', password: 'pass' };
  assert.deepEqual(read(file), [
    {
      name: 'flipt.dev.local',
      hosts: ['flipt.dev.local', 'other.example'],
      authentication: [basic],
    },
  ]);
  assert.deepEqual(authentication('username: user\npassword: pass'), [basic]);
  for (const type of ['bearer', 'token'])
    assert.deepEqual(authentication(`type: ${type}\ntoken: some-token`), [
      { kind: 'bearer', scheme: 'Bearer', token },
    ]);
  assert.deepEqual(authentication('type: external\nauthorizationEndpoint: http://a/b'), [
    { kind: 'external', scheme: 'Bearer', endpoint: 'http://a/b' },
  ]);
});

test('the later shape', () => {
  const all = `basic:
  username: user
  password: pass
bearer:
  hashedToken: ${hash}
external:
  scheme: JWT
  endpoint: https://auth.example/check`;
  assert.deepEqual(authentication(all), [
    { kind: 'basic', scheme: 'Basic', username: 'user', password: 'pass' },
    { kind: 'bearer', scheme: 'Bearer', token: { from: 'text', hashed: true, value: hash } },
    { kind: 'external', scheme: 'JWT', endpoint: 'https://auth.example/check' },
  ]);
});

test('tokens come from text or a path, plain or hashed', () => {
  const sources: [string, string, boolean][] = [
    ['tokenPath: /run/t', 'path', false],
    ['tokenPath: k8s://secret/ns/name/key', 'path', false],
    ['hashedTokenPath: /run/h', 'path', true],
  ];
  for (const [line, from, hashed] of sources) {
    const value = line.slice(line.indexOf(' ') + 1);
    assert.deepEqual(authentication(`bearer:\n  ${line}`), [
      { kind: 'bearer', scheme: 'Bearer', token: { from, hashed, value } },
    ]);
  }
});

test('a group is open only where the file says so in words', () => {
  assert.deepEqual(authentication('type: insecure'), []);
  refused(
    'groups:\n  g:\n    hosts: [a]\n',
    /groups\.yml:2:3: groups\.g\.authentication: is missing/,
  );
  refused(group('{}'), /authentication: is missing/);
  refused(group('# nothing'), /authentication: is missing/);
  refused(group('type: insecure\npassword: x'), /key "password" is not known here/);
});

test('shapes that are mixed, and keys of another type, are refused', () => {
  refused(group('type: basic\nbasic:\n  username: u\n  password: p'), /key "basic" is not known/);
  refused(group('type: bearer\ntoken: t\nusername: u'), /key "username" is not known/);
  refused(group('type: Basic\nusername: u\npassword: p'), /is none of basic/);
  refused(group('basci:\n  username: u\n  password: p'), /key "basci" is not known/);
  refused(
    group('basic:\n  username: u\n  password: p\n  pasword: q'),
    /key "pasword" is not known/,
  );
});

test('what is missing or empty is named with its line and column', () => {
  refused(group('type: basic'), /groups\.yml:4:5: .*username: is missing/, /password: is missing/);
  refused(
    group('basic:\n  username: u\n  password: ""'),
    /groups\.yml:7:9: .*password: is missing/,
  );
  refused(group('bearer: {}'), /groups\.yml:5:7: .*needs one of token/);
  refused(group('bearer:\n  token: a\n  tokenPath: b'), /and not more/);
  refused(group('bearer:\n  hashedToken: abc'), /64 digits/);
  refused(group('external: {}'), /endpoint: is missing/);
  refused(group('external:\n  endpoint: file:///etc/passwd'), /is not an http/);
  refused(group('basic:'), /is not a map/);
  refused(group('type: basic\nusername: "a:b"\npassword: p'), /has a colon/);
});

test('one scheme stands for one way to authenticate', () => {
  refused(
    group('bearer:\n  token: t\nexternal:\n  endpoint: http://a'),
    /external: has the scheme of bearer/,
  );
  refused(
    group('bearer:\n  token: t\n  scheme: basic\nbasic:\n  username: u\n  password: p'),
    /scheme of/,
  );
  refused(group('bearer:\n  token: t\n  scheme: a b'), /not one word/);
});

test('hosts: a list, of hosts, each in one group', () => {
  const open = 'authentication: {type: insecure}';
  refused(`groups:\n  g: {${open}}`, /hosts: is not a list/);
  refused(`groups:\n  g: {hosts: [], ${open}}`, /hosts: is not a list/);
  refused(`groups:\n  g: {hosts: a, ${open}}`, /hosts: is not a list/);
  refused(`groups:\n  g: {hosts: ["a:80"], ${open}}`, /hosts\.0: is not a host/);
  refused(
    `groups:\n  g: {hosts: [a.b], ${open}}\n  h: {hosts: [A.B], ${open}}`,
    /groups\.h\.hosts\.0: host "a\.b" stands in group "g" already/,
  );
});

test('the file as a whole, and names of groups', () => {
  refused('', /is not a map/);
  refused('group: {}', /key "group" is not known/, /groups: is missing/);
  refused('groups: [a]', /groups: is missing, or not a map/);
  refused('groups:\n  g: x', /is not a map; give it/);
  refused('groups:\n  "a b": {hosts: [a], authentication: {type: insecure}}', /names take letters/);
  assert.deepEqual(read('groups: {}'), []);
});

test('all problems come at once, from top to bottom, and none shows a secret', () => {
  const text = group('basic:\n  username: u\n  passwrd: hunter2\nbearer:\n  hashedToken: hunter2');
  assert.throws(
    () => read(text),
    ({ message }: Error) =>
      message.startsWith('3 problems\n  groups.yml:') && !message.includes('hunter2'),
  );
});

test('any values are groups that say how to register, or CONFIG_INVALID', () => {
  const key = fc.constantFrom(
    'type',
    'basic',
    'bearer',
    'external',
    'username',
    'password',
    'token',
    'endpoint',
    'scheme',
    'x',
  );
  const value = fc.constantFrom('basic', 'insecure', 'http://a', '', null);
  const anything = fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value)));
  fc.assert(
    fc.property(anything, (asked) => {
      const values = { groups: { g: { hosts: ['a'], authentication: asked } } };
      try {
        const [only] = readGroups({ file: 'f', values, position: () => ({ line: 1, column: 1 }) });
        const open = Object.keys(asked).length === 1 && asked['type'] === 'insecure';
        assert.equal(only.authentication.length === 0, open);
      } catch (error) {
        assert.ok(
          error instanceof SallyportError && error.code === 'CONFIG_INVALID',
          String(error),
        );
      }
    }),
    { numRuns: 2_000 },
  );
});
