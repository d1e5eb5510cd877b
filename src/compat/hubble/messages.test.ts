import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { spentMs } from '../../../test/support/spent.ts';
import { SallyportError } from '../../errors.ts';
import {
  packAck,
  packClosed,
  packHandshake,
  packInitiator,
  packTerminator,
  packWelcome,
  readMessage,
  withGuid,
  type Initiator,
} from './messages.ts';
import { pack } from './pack.ts';

const guid = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';
const guidHex = `a447554944da0024${Buffer.from(guid).toString('hex')}`;
const keyHex = 'a34b6579b16d79636f6e6e656374696f6e746f6b656e';
const ipHex = 'a24970b000000000000000000000ffff7f000001';
const gatenameHex = 'a8476174656e616d65a66167656e7432';

/** What the originals write, byte for byte. */
const vectors = {
  handshake: '0183a34b6579a0a44e616d65a66167656e7431a756657273696f6ea3302e31',
  welcome: 'ff83a447554944a0a74d657373616765a53c6e696c3ea24f6bc3',
  wrongVersion:
    'ff83a447554944a0a74d657373616765b8496e76616c69642070726f746f636f6c2076657273696f6ea24f6bc2',
  openC: `0285${guidHex}${gatenameHex}${keyHex}aa52656d6f7465486f7374a93132372e302e302e31aa52656d6f7465506f727416`,
  openB: `0285${guidHex}${gatenameHex}${ipHex}${keyHex}a4506f727416`,
  openA: `0284${guidHex}${gatenameHex}${ipHex}a4506f727416`,
  ack: `ff83${guidHex}a74d657373616765a53c6e696c3ea24f6bc3`,
  refusal: `ff83${guidHex}a74d657373616765b647617465776179206e6f742072656769737465726564a24f6bc2`,
  data: `0383a444617461a568656c6c6f${guidHex}a54f7264657201`,
  emptyData: `0383a444617461a0${guidHex}a54f7264657202`,
  closed: `0581${guidHex}`,
  terminator: `0481${guidHex}`,
};

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');
const readHex = (hex: string) => readMessage(bytesOf(hex));

describe('what the originals write is read', () => {
  test('handshakes and their answers', () => {
    const handshake = { version: '0.1', name: 'agent1', key: '', knowsEnd: false };
    assert.deepEqual(readHex(vectors.handshake), { type: 'handshake', ...handshake });
    const ack = { type: 'ack', guid: '', knowsEnd: false };
    assert.deepEqual(readHex(vectors.welcome), { ...ack, ok: true, message: '<nil>' });
    const message = 'Invalid protocol version';
    assert.deepEqual(readHex(vectors.wrongVersion), { ...ack, ok: false, message });
  });

  test('all generations of the message that opens a session, kept as they came', () => {
    const common = { type: 'initiator', guid, gatename: 'agent2', host: '127.0.0.1', port: 22 };
    const withKey = { ...common, key: 'myconnectiontoken' };
    assert.deepEqual(readHex(vectors.openC), { ...withKey, bytes: bytesOf(vectors.openC) });
    assert.deepEqual(readHex(vectors.openB), { ...withKey, bytes: bytesOf(vectors.openB) });
    assert.deepEqual(readHex(vectors.openA), { ...common, key: '', bytes: bytesOf(vectors.openA) });
  });

  test('data, endings and acknowledgements of sessions', () => {
    const data = { type: 'data', guid, order: 1, data: Buffer.from('hello') };
    assert.deepEqual(readHex(vectors.data), data);
    assert.deepEqual(readHex(vectors.emptyData), { ...data, order: 2, data: Buffer.alloc(0) });
    assert.deepEqual(readHex(vectors.closed), { type: 'closed', guid, ending: 'whole' });
    assert.deepEqual(readHex(vectors.terminator), { type: 'terminator', guid, ending: 'whole' });
    const refusal = readHex(vectors.refusal);
    assert.deepEqual([refusal.type, 'ok' in refusal && refusal.ok], ['ack', false]);
  });

  test('missing, nil and unknown keys, in any order, str8 and bin', () => {
    // {"Order": nil, "X": {"y": {"z": 2}}, "Data": bin "hi"}
    const hex = '0383a54f72646572c0a15881a17981a17a02a444617461c4026869';
    assert.deepEqual(readHex(hex), { type: 'data', guid: '', order: 0, data: Buffer.from('hi') });
    // {"GUID": str8 "g"}
    assert.deepEqual(readHex('0581a447554944d90167'), {
      type: 'closed',
      guid: 'g',
      ending: 'whole',
    });
  });

  test('an IPv6 address of the older generations', () => {
    const ip = bytesOf('20010db8000000000000000000000001');
    const read = readMessage(pack(2, { GUID: guid, Gatename: 'a', Ip: ip, Port: 80 })) as Initiator;
    assert.deepEqual([read.host, read.port], ['2001:db8::1', 80]);
    const none = readMessage(pack(2, { GUID: guid, Ip: Buffer.alloc(3), Port: 80 })) as Initiator;
    assert.equal(none.host, '');
  });
});

describe('what we write is what the originals write', () => {
  test('where it says the same', () => {
    const hex = (bytes: Buffer): string => bytes.toString('hex');
    assert.equal(hex(packWelcome(null, false)), vectors.welcome);
    assert.equal(hex(packWelcome('Invalid protocol version', false)), vectors.wrongVersion);
    assert.equal(hex(packAck(guid, null)), vectors.ack);
    assert.equal(hex(packAck(guid, 'Gateway not registered')), vectors.refusal);
    assert.equal(hex(packClosed(guid, 'whole')), vectors.closed);
    assert.equal(hex(packTerminator(guid, 'whole')), vectors.terminator);
    assert.equal(hex(pack(1, { Version: '0.1', Name: 'agent1', Key: '' })), vectors.handshake);
  });

  test('with one key more where both ends are ours', () => {
    const handshake = readMessage(packHandshake('a', 'k'));
    assert.ok(handshake.type === 'handshake' && handshake.knowsEnd);
    const welcome = readMessage(packWelcome(null, true));
    assert.ok(welcome.type === 'ack' && welcome.knowsEnd);
    assert.deepEqual(readMessage(packClosed(guid, 'half')), {
      type: 'closed',
      guid,
      ending: 'half',
    });
    const reset = readMessage(packTerminator(guid, 'reset'));
    assert.deepEqual(reset, { type: 'terminator', guid, ending: 'reset' });
  });

  test('an opening message of ours is understood by every generation', () => {
    const wish = { guid, gatename: 'agent2', key: 'k', host: '127.0.0.1', port: 22 };
    const bytes = packInitiator(wish);
    assert.deepEqual(readMessage(bytes), { type: 'initiator', ...wish, bytes });
    assert.ok(bytes.includes(bytesOf(ipHex)), 'Ip for B');
    assert.ok(bytes.includes(Buffer.from('RemoteHost')), 'RemoteHost for C');
    const named = packInitiator({ ...wish, host: 'db.internal' });
    assert.ok(!named.includes(bytesOf('a24970')), 'a name has no Ip');
    const six = packInitiator({ ...wish, host: '2001:db8::1' });
    assert.ok(six.includes(bytesOf('20010db8000000000000000000000001')));
  });

  test('a session under another id keeps every other field', () => {
    const other = '00000000-0000-4000-8000-000000000000';
    for (const hex of [vectors.openA, vectors.openB, vectors.openC]) {
      const changed = withGuid(readHex(hex) as Initiator, other);
      assert.equal(
        changed.toString('hex'),
        hex.replace(guidHex.slice(16), Buffer.from(other).toString('hex')),
      );
    }
  });
});

describe('malformed messages are named errors', () => {
  const malformed = (bytes: Buffer): void =>
    assert.throws(
      () => readMessage(bytes),
      (error: unknown) => error instanceof SallyportError && error.code === 'PROTOCOL_MESSAGE',
      bytes.toString('hex').slice(0, 80),
    );

  test('no map, not all of it, more than it, fields of another kind, huge lengths', () => {
    for (const hex of [
      '',
      '03',
      '0301',
      '0390',
      '03c0',
      '0383a444617461',
      `${vectors.data}00`,
      '0381a447554944c3', // GUID: true
      '0381a54f726465726100', // and a byte that belongs to nothing
      '0381a54f72646572ff', // Order: -1
      '0381a54f72646572cb3ff8000000000000', // Order: 1.5
      '0381a54f72646572cfffffffffffffffff', // Order: 2^64 - 1
      '0281aa52656d6f7465506f7274ce00010000', // RemotePort: 65536
      'ff81a24f6b01', // Ok: 1
      '03dfffffffff', // a map of 2^32 - 1
      '0381a444617461dbffffffff', // 4 GB of data
      '0381a444617461ddffffffff', // an array of 2^32 - 1
      '0381a444617461c9ffffffff01', // an extension of 4 GB
      '0381a95f5f70726f746f5f5fa0', // __proto__
      `0581a447554944da0041${'61'.repeat(65)}`, // a GUID of 65
      '0581a447554944a10a', // a GUID that is a line end
    ]) {
      malformed(bytesOf(hex));
    }
  });

  test('nesting and numbers of keys cost neither stack nor time', () => {
    const keys = Buffer.from(Array.from({ length: 65 }, (_, i) => [0xa1, i, 1]).flat());
    const deep = Buffer.concat([bytesOf('0381a158'), Buffer.alloc(900_000, 0x91)]);
    const nested = Buffer.concat([bytesOf('03'), Buffer.from('81a158'.repeat(300_000), 'hex')]);
    const spent = spentMs(() => {
      malformed(deep);
      malformed(nested);
      malformed(Buffer.concat([bytesOf('03de0041'), keys]));
    });
    assert.ok(spent < 200, `${spent} ms`);
  });

  test('any bytes are a message or a named error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(1, 2, 3, 4, 5, 255, 9),
        (bytes, type) => {
          try {
            readMessage(Buffer.concat([Buffer.of(type), bytes]));
          } catch (error) {
            assert.equal((error as SallyportError).code, 'PROTOCOL_MESSAGE');
          }
        },
      ),
    );
  });

  test('so are messages with a byte changed', () => {
    const valid = Object.values(vectors).map(bytesOf);
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.nat(), fc.nat(255), (bytes, at, value) => {
        const changed = Buffer.from(bytes);
        changed[at % changed.length] = value;
        try {
          readMessage(changed);
        } catch (error) {
          assert.equal((error as SallyportError).code, 'PROTOCOL_MESSAGE');
        }
      }),
    );
  });
});
