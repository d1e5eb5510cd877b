import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HTTP3_FIELD_SECTION_MAX_BYTES, HTTP3_SETTINGS_MAX } from '../../../limits.ts';
import { Http3Error } from './fault.ts';
import { ownSettings, readSettings } from './settings.ts';
import { readVarints, varint } from './varint.ts';

const payload = (...integers: number[]) => Buffer.concat(integers.map(varint));

test('ours say that there is no dynamic table, and how much of a head is read', () => {
  assert.equal(ownSettings.toString('hex'), '0409010006800100000700');
  assert.deepEqual(readSettings(ownSettings.subarray(2)), {
    fieldSectionMax: HTTP3_FIELD_SECTION_MAX_BYTES,
    extendedConnect: false,
  });
});

test('those of originals are read: none, and extended CONNECT', () => {
  assert.deepEqual(readSettings(Buffer.alloc(0)), {
    fieldSectionMax: Infinity,
    extendedConnect: false,
  });
  assert.equal(readSettings(Buffer.from('0801', 'hex')).extendedConnect, true);
});

test('unknown and reserved settings are skipped', () => {
  assert.equal(readSettings(payload(0x21, 7, 6, 100, 0x1f * 5 + 0x21, 0)).fieldSectionMax, 100);
});

test('settings of HTTP/2, twice the same, and switches that are neither are refused', () => {
  for (const id of [2, 3, 4, 5])
    assert.throws(() => readSettings(payload(id, 0)), /H3_SETTINGS_ERROR/);
  assert.throws(() => readSettings(payload(6, 1, 6, 1)), /H3_SETTINGS_ERROR/);
  assert.throws(() => readSettings(payload(0x21, 1, 0x21, 1)), /H3_SETTINGS_ERROR/);
  assert.throws(() => readSettings(payload(8, 2)), /H3_SETTINGS_ERROR/);
  assert.throws(() => readSettings(payload(0x33, 2)), /H3_SETTINGS_ERROR/);
});

test('a frame that ends within a setting is refused, and too many of them', () => {
  assert.throws(() => readSettings(payload(6)), /H3_FRAME_ERROR/);
  assert.throws(() => readSettings(Buffer.from('0640', 'hex')), /H3_FRAME_ERROR/);
  const many = (n: number) => payload(...Array.from({ length: n }, (_, i) => [100 + i, 0]).flat());
  readSettings(many(HTTP3_SETTINGS_MAX));
  assert.throws(() => readSettings(many(HTTP3_SETTINGS_MAX + 1)), /H3_EXCESSIVE_LOAD/);
});

test('any bytes are settings or one named error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        assert.ok(readSettings(Buffer.from(bytes)).fieldSectionMax >= 0);
        assert.notEqual(readVarints(bytes), null);
      } catch (error) {
        assert.ok(error instanceof Http3Error && error.scope === 'connection', String(error));
      }
    }),
  );
});
