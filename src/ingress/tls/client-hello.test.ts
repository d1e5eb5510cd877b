import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { CLIENT_HELLO_MAX_BYTES } from '../../limits.ts';
import { parseClientHello } from './client-hello.ts';

/** What a real client sends first. */
async function captureHello(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as net.AddressInfo;
  const client = tls.connect({ port, host: '127.0.0.1', ...options }).on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [net.Socket];
  const pieces: Buffer[] = [];
  let hello: Buffer;
  do {
    const [piece] = (await once(socket, 'data')) as [Buffer];
    hello = Buffer.concat([...pieces, piece]);
    pieces.push(piece);
  } while (hello.length < 5 + hello.readUInt16BE(3));
  client.destroy();
  socket.destroy();
  server.close();
  return hello;
}

const real = await captureHello({
  servername: 'app.example.com',
  ALPNProtocols: ['h2', 'http/1.1'],
});
/** The handshake message without its record. */
const message = real.subarray(5);

function record(payload: Uint8Array, type = 22, version = 0x0301): Buffer {
  return Buffer.concat([
    Buffer.from([type, version >> 8, version & 0xff, payload.length >> 8, payload.length & 0xff]),
    payload,
  ]);
}

const u16 = (n: number): Buffer => Buffer.from([n >> 8, n & 0xff]);
const vector16 = (bytes: Uint8Array): Buffer => Buffer.concat([u16(bytes.length), bytes]);
const vector8 = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.of(bytes.length), bytes]);

const extension = (type: number, body: Uint8Array): Buffer =>
  Buffer.concat([u16(type), vector16(body)]);
const nameEntry = (name: string, type = 0): Buffer =>
  Buffer.concat([Buffer.of(type), vector16(Buffer.from(name, 'latin1'))]);
const serverName = (...entries: Buffer[]): Buffer => extension(0, vector16(Buffer.concat(entries)));

interface Parts {
  version?: number;
  sessionId?: Buffer;
  suites?: Buffer;
  compression?: Buffer;
  /** After the compression methods. */
  tail?: Buffer;
}

/** A ClientHello message made by hand. */
function makeHello(parts: Parts = {}): Buffer {
  const {
    version = 0x0303,
    sessionId = Buffer.alloc(0),
    suites = u16(0x1301),
    compression = Buffer.of(0),
  } = parts;
  const { tail = vector16(serverName(nameEntry('a.test'))) } = parts;
  const body = Buffer.concat([
    u16(version),
    Buffer.alloc(32),
    vector8(sessionId),
    vector16(suites),
    vector8(compression),
    tail,
  ]);
  return Buffer.concat([Buffer.of(1, 0), vector16(body)]);
}

/** Cuts the bytes into pieces of the given sizes, in turn. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length];
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

const invalid = (why: RegExp) => ({ code: 'REQUEST_INVALID', message: why });

describe('parseClientHello', () => {
  test('reads the name of a real client', async () => {
    assert.deepEqual(parseClientHello(real), { serverName: 'app.example.com' });
    const old = await captureHello({ servername: 'Old.Example', maxVersion: 'TLSv1.2' });
    assert.deepEqual(parseClientHello(old), { serverName: 'Old.Example' });
    assert.deepEqual(parseClientHello(await captureHello({})), { serverName: null });
  });

  test('is incomplete until its last byte', () => {
    for (let n = 0; n < real.length; n++)
      assert.equal(parseClientHello(real.subarray(0, n)), null, String(n));
  });

  test('attack: cut into records of any size, it is the same', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, fc.uint8Array({ maxLength: 20 }), fc.nat(), (of, rest, at) => {
        const records = Buffer.concat(cut(message, of).map((piece) => record(piece)));
        assert.equal(parseClientHello(records.subarray(0, at % records.length)), null);
        assert.deepEqual(parseClientHello(Buffer.concat([records, rest])), {
          serverName: 'app.example.com',
        });
      }),
    );
  });

  test('nothing behind the message is looked at', () => {
    const early = record(Buffer.alloc(100), 23);
    assert.deepEqual(parseClientHello(Buffer.concat([real, early])), {
      serverName: 'app.example.com',
    });
    assert.deepEqual(parseClientHello(record(Buffer.concat([message, Buffer.of(9, 9)]))), {
      serverName: 'app.example.com',
    });
  });

  test('a name is given as it came', () => {
    for (const name of ['a', 'A.B', 'x'.repeat(255), 'a\0b', '127.0.0.1', '\xff']) {
      assert.equal(
        parseClientHello(record(makeHello({ tail: vector16(serverName(nameEntry(name))) })))
          ?.serverName,
        name,
      );
    }
  });

  test('extensions may be left out, or hold no name', () => {
    for (const tail of [
      Buffer.alloc(0),
      vector16(Buffer.alloc(0)),
      vector16(extension(16, Buffer.alloc(3))),
    ]) {
      assert.deepEqual(parseClientHello(record(makeHello({ tail }))), { serverName: null });
    }
  });

  const name = nameEntry('a.test');
  const refused: [string, RegExp, Buffer[]][] = [
    [
      'what is not TLS',
      /not a handshake record/,
      [
        Buffer.from('GET / HTTP/1.1\r\n'),
        Buffer.from('S'),
        record(message, 23),
        Buffer.from([0x80, 0x2e, 1, 3, 1]),
      ],
    ],
    [
      'other records in between',
      /not a handshake record/,
      [Buffer.concat([record(message.subarray(0, 9)), record(Buffer.of(1), 20)])],
    ],
    [
      'unknown versions of the record',
      /unknown version/,
      [record(message, 22, 0x0201), Buffer.from([22, 4])],
    ],
    [
      'empty and oversized records',
      /a record of (0|16385|65535) bytes/,
      [
        record(Buffer.alloc(0)),
        Buffer.from([22, 3, 1, 0x40, 1]),
        Buffer.from([22, 3, 1, 255, 255]),
      ],
    ],
    ['another message', /another message/, [record(Buffer.of(2)), record(Buffer.of(0, 0, 0, 0))]],
    [
      'a message that is too long',
      /exceed 16384/,
      [record(Buffer.of(1, 0xff, 0xff, 0xff)), record(Buffer.of(1, 0, 0x3f, 0xfd))],
    ],
    [
      'an unknown version',
      /unknown version/,
      [record(makeHello({ version: 0x0200 })), record(makeHello({ version: 0xfefd }))],
    ],
    [
      'a session id that is too long',
      /session id/,
      [record(makeHello({ sessionId: Buffer.alloc(33) }))],
    ],
    [
      'no cipher suites, or half of one',
      /cipher suites/,
      [
        record(makeHello({ suites: Buffer.alloc(0) })),
        record(makeHello({ suites: Buffer.alloc(3) })),
      ],
    ],
    ['no compression method', /compression/, [record(makeHello({ compression: Buffer.alloc(0) }))]],
    [
      'fields that run over',
      /runs over/,
      [
        record(makeHello({ tail: u16(5) })),
        record(makeHello({ tail: vector16(u16(0)) })),
        record(makeHello({ tail: Buffer.of(0) })),
        record(Buffer.of(1, 0, 0, 0)),
        record(makeHello({ tail: vector16(extension(0, u16(9))) })),
      ],
    ],
    [
      'bytes behind fields',
      /behind the last/,
      [
        record(makeHello({ tail: Buffer.concat([vector16(Buffer.alloc(0)), Buffer.of(0)]) })),
        record(
          makeHello({
            tail: vector16(extension(0, Buffer.concat([vector16(name), Buffer.of(0)]))),
          }),
        ),
      ],
    ],
    [
      'two names: which one is meant',
      /behind the last/,
      [record(makeHello({ tail: vector16(serverName(name, nameEntry('b.test'))) }))],
    ],
    [
      'two extensions of names: which one is meant',
      /two server_name/,
      [record(makeHello({ tail: vector16(Buffer.concat([serverName(name), serverName(name)])) }))],
    ],
    [
      'names of another type',
      /unknown type 7/,
      [record(makeHello({ tail: vector16(serverName(nameEntry('a', 7))) }))],
    ],
    ['an empty name', /empty/, [record(makeHello({ tail: vector16(serverName(nameEntry(''))) }))]],
  ];
  for (const [what, why, all] of refused) {
    test(`refuses ${what}`, () => {
      for (const bytes of all)
        assert.throws(() => parseClientHello(bytes), invalid(why), bytes.toString('hex'));
    });
  }

  test('fuzz: refused by name, incomplete within its bound, or read', () => {
    const changes = fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    const mutated = changes.map((list) => {
      const bytes = Buffer.from(real);
      for (const [at, byte] of list) bytes[at] = byte;
      return bytes;
    });
    const shortHello = changes.map((list) => {
      const bytes = record(makeHello());
      for (const [at, byte] of list) bytes[at % bytes.length] = byte;
      return bytes;
    });
    const garbage = fc
      .uint8Array({ maxLength: 400 })
      .map((b) => record(Buffer.concat([Buffer.of(1, 0, 0), b])));
    fc.assert(
      fc.property(fc.oneof(mutated, shortHello, garbage), (bytes) => {
        try {
          parseClientHello(bytes);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'REQUEST_INVALID', String(error));
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test('attack: one byte at a time in records of one byte costs little', () => {
    const body = Buffer.concat([Buffer.of(1, 0, 0x3f, 0xf0), Buffer.alloc(CLIENT_HELLO_MAX_BYTES)]);
    const records = Buffer.concat(cut(body, [1]).map((piece) => record(piece))).subarray(
      0,
      CLIENT_HELLO_MAX_BYTES,
    );
    const { user } = process.cpuUsage();
    for (let n = 1; n < records.length; n++)
      assert.equal(parseClientHello(records.subarray(0, n)), null);
    const each = process.cpuUsage({ user, system: 0 }).user / records.length;
    assert.ok(each < 100, `${each.toFixed(1)} us for each byte`);
  });
});
