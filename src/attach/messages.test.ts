import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { errorKinds, isErrorCode, SallyportError, type ErrorCode } from '../errors.ts';
import { FAILURE_MESSAGE_MAX_CHARS, SERVICE_URLS_MAX_CHARS } from '../limits.ts';
import { failureOf, readControlMessage, readFailure, type ControlMessage } from './messages.ts';

type Kind = ControlMessage['type'];

const offer = {
  name: 'web',
  kind: 'http',
  hosts: ['a.example.com', '*.example.org'],
  path: '/api',
  rendezvousToken: 'sixteen-characters',
  rewriteHost: 'internal:8080',
  consumerAuth: `sha256:${'0'.repeat(64)}`,
  port: 0,
  sni: ['tls.example.com'],
  exclusive: 'latest',
  balance: 'least-streams',
} as const;

/** One of each, with every field it may have. */
const samples: { readonly [K in Kind]: Record<string, unknown> } = {
  hello: {
    type: 'hello',
    version: 1,
    role: 'agent',
    instance: 'i',
    epoch: 3,
    program: 'test/1',
    features: ['x'],
  },
  welcome: { type: 'welcome', version: 1, session: 's1', program: 'test/1', features: [] },
  register: { type: 'register', ref: 7, service: offer },
  registered: { type: 'registered', ref: 7, urls: ['http://web.localhost/'], port: 20_000 },
  unregister: { type: 'unregister', name: 'web' },
  drain: { type: 'drain' },
  error: { type: 'error', ref: 7, code: 'NAME_TAKEN', message: 'service web: taken' },
};
const kinds = Object.keys(samples) as Kind[];
const optional = new Set(['registered.port', 'error.ref']);

/** What no field of that type may be; the own values of the others are among them. */
const wrongValues: Record<string, readonly unknown[]> = {
  number: [null, '1', -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, [1], {}, true],
  string: [null, 1, '', ['x'], {}, true, 'x'.repeat(5_000)],
  object: [null, 'x', 1, {}, [1], ['x', null], [['x']], Array(1_000).fill('x')],
};

/** An empty text is a text: what it means is for others to judge, save where one of several words is due. */
function wrongFor(value: unknown, field: string): readonly unknown[] {
  return wrongValues[typeof value].filter((wrong) => wrong !== '' || field === 'role');
}

function refused(value: unknown, what: RegExp): void {
  assert.throws(() => readControlMessage(value), { code: 'PROTOCOL_MESSAGE', message: what });
}

for (const kind of kinds) {
  describe(kind, () => {
    const sample = samples[kind];

    test('is read as it was written, without fields that nobody knows', () => {
      const travelled: unknown = JSON.parse(JSON.stringify({ ...sample, later: 1, __x: {} }));
      assert.deepEqual(readControlMessage(travelled), sample);
    });

    for (const [field, value] of Object.entries(sample)) {
      if (field === 'type') continue;
      const { [field]: _left, ...without } = sample;

      test(`${field}: ${optional.has(`${kind}.${field}`) ? 'may' : 'must not'} be left out`, () => {
        if (optional.has(`${kind}.${field}`)) {
          assert.deepEqual(readControlMessage(without), without);
        } else refused(without, new RegExp(field));
      });

      test(`${field}: any other type is refused by name`, () => {
        for (const wrong of wrongFor(value, field)) {
          refused({ ...sample, [field]: wrong }, new RegExp(`\\b${field}\\b`));
        }
      });
    }
  });
}

describe('an offer', () => {
  const read = (service: unknown): ControlMessage =>
    readControlMessage({ type: 'register', ref: 1, service });

  test('needs a name and a kind only', () => {
    const least = { name: 'box', kind: 'tcp' };
    assert.deepEqual(read(least), { type: 'register', ref: 1, service: least });
  });

  for (const [field, value] of Object.entries(offer)) {
    test(`${field}: any other type is refused by name`, () => {
      for (const wrong of wrongFor(value, field)) {
        refused(
          { type: 'register', ref: 1, service: { ...offer, [field]: wrong } },
          new RegExp(`service\\.${field} `),
        );
      }
    });
  }

  for (const field of ['kind', 'exclusive', 'balance']) {
    test(`${field}: no other word is taken`, () => {
      for (const word of ['', 'udp', 'HTTP', 'first ', 'toString', '__proto__']) {
        refused(
          { type: 'register', ref: 1, service: { ...offer, [field]: word } },
          new RegExp(`${field} is not one of`),
        );
      }
    });
  }

  test('all the addresses it can get fit into the answer', () => {
    const hosts = Array.from({ length: 256 }, (_, i) => `h${i}.example.com`);
    assert.ok(read({ ...offer, hosts }));
    refused({ type: 'register', ref: 1, service: { ...offer, hosts: [...hosts, 'x'] } }, /hosts/);
    const urls = [...hosts, 'own', 'token', 'tcp'].map((host) => `http://${host}/`);
    const longest = 'x'.repeat(SERVICE_URLS_MAX_CHARS);
    assert.ok(readControlMessage({ type: 'registered', ref: 1, urls }));
    assert.ok(readControlMessage({ type: 'registered', ref: 1, urls: [longest] }));
    refused({ type: 'registered', ref: 1, urls: [`${longest}x`] }, /urls/);
  });
});

describe('refused', () => {
  for (const value of [null, undefined, 1, 'hello', [], [samples.hello], true]) {
    test(`what is no object: ${JSON.stringify(value)}`, () => refused(value, /not an object/));
  }

  for (const type of ['', 'ping', 'Hello', '__proto__', 'constructor', 'x'.repeat(4_000)]) {
    test(`an unknown type: ${type.slice(0, 12)}`, () => {
      refused({ ...samples.hello, type }, /unknown type/);
      try {
        readControlMessage({ type });
      } catch (thrown) {
        assert.ok((thrown as Error).message.length < 100, 'and it is not repeated at length');
      }
    });
  }

  test('log forgery: a type with line ends is shown escaped', () => {
    refused({ type: 'x\n{"level":"info"}' }, /^message: unknown type "x\\n/);
  });
});

test('any JSON gives a message or PROTOCOL_MESSAGE, and nothing else', () => {
  const part = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(...Object.values(offer)));
  const fields = fc.dictionary(
    fc.constantFrom('type', ...kinds.flatMap((kind) => Object.keys(samples[kind]))),
    part,
  );
  const like = fc
    .tuple(fc.constantFrom(...kinds), fields)
    .map(([kind, changed]) => ({ ...samples[kind], ...changed, type: kind }));
  const offered = fc
    .dictionary(fc.constantFrom(...Object.keys(offer)), part)
    .map((changed) => ({ ...samples.register, service: { ...offer, ...changed } }));
  let read = 0;
  fc.assert(
    fc.property(fc.oneof(like, offered, fields, fc.jsonValue()), (value) => {
      try {
        const message = readControlMessage(value);
        assert.deepEqual(readControlMessage(JSON.parse(JSON.stringify(message))), message);
        read++;
      } catch (thrown) {
        assert.equal((thrown as SallyportError).code, 'PROTOCOL_MESSAGE', String(thrown));
      }
    }),
    { numRuns: 1_000 },
  );
  assert.ok(read > 50, `${read} of them were messages`);
});

describe('failures', () => {
  test('every code of the table arrives as it was sent, with the hop and without the cause', () => {
    for (const code of Object.keys(errorKinds) as ErrorCode[]) {
      const error = new SallyportError(code, 'what: why', { cause: new Error('inside') });
      const told: unknown = JSON.parse(JSON.stringify(failureOf(error)));
      assert.deepEqual(told, { code, message: 'what: why', hop: errorKinds[code].hop });
      assert.deepEqual(readFailure(told), { code, message: 'what: why' });
    }
  });

  test('a code of a later version becomes STREAM_RESET and keeps its name in the message', () => {
    for (const code of ['NEW_ONE', '', 'toString', '__proto__']) {
      assert.ok(!isErrorCode(code));
      const read = readFailure({ code, message: 'x' });
      assert.deepEqual(read, { code: 'STREAM_RESET', message: `${code}: x` });
    }
  });

  test('a long message is cut by the sender: its reader would take it for a breach', () => {
    const error = new SallyportError('DENIED', 'ü'.repeat(10 * FAILURE_MESSAGE_MAX_CHARS));
    const { code, message } = readFailure(JSON.parse(JSON.stringify(failureOf(error))));
    assert.deepEqual([code, message.length], ['DENIED', FAILURE_MESSAGE_MAX_CHARS]);
    const longer = { code, message: `${message}x` };
    assert.throws(() => readFailure(longer), { code: 'PROTOCOL_MESSAGE' });
  });
});
