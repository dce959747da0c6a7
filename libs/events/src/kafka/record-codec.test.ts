import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { patchKafkaJs } from './patches.ts';
import { type BatchContext, type Cursor, decodeRecord, encodeRecord, type RecordToEncode } from './record-codec.ts';

const require = createRequire(import.meta.url);
// KafkaJS's own codec: loaded anew, since another file of tests may have replaced its parts (`patchKafkaJs`).
const replaced = Object.entries(require.cache).filter(([name]) => name.includes(`${sep}kafkajs${sep}`));
for (const [name] of replaced) delete require.cache[name];
const encodeByKafkaJs = require('kafkajs/src/protocol/recordBatch/record/v0') as (r: object) => { buffer: Buffer };
const decodeByKafkaJs = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  cursor: Cursor,
  context: BatchContext,
) => { headers: Record<string, Buffer | Buffer[] | null> };
const Decoder = require('kafkajs/src/protocol/decoder') as new (
  buffer: Buffer,
) => Cursor & { readVarIntBytes(): Buffer };

Object.assign(require.cache, Object.fromEntries(replaced));

const context: BatchContext = {
  firstOffset: '4503599627370496',
  firstTimestamp: '1795843067245',
  maxTimestamp: '1795843069999',
  timestampType: 0,
  magicByte: 2,
};
const body = (record: Buffer) => new Decoder(record).readVarIntBytes();

const text = (length: number) => '가나다 abc é 🛒'.repeat(Math.ceil(length / 10)).slice(0, length);
const records: [name: string, RecordToEncode][] = [
  [
    'an event',
    { key: 'k', value: Buffer.from('v'), headers: { ce_id: 'a', ce_type: 'order-created' }, offsetDelta: 3 },
  ],
  ['no key, no value', { key: null, value: null }],
  ['an empty value', { key: '', value: Buffer.alloc(0), headers: { empty: '' } }],
  [
    'bytes as key and header',
    { key: Buffer.from([0, 255]), value: Buffer.from([1]), headers: { raw: Buffer.from('x') } },
  ],
  ['several of one name', { key: 'k', value: null, headers: { a: ['1', Buffer.from('2')], b: '3' } }],
  ...[0, 1, 63, 64, 8191, 8192, 1_048_575, 1_048_576, 134_217_727].map((n): [string, RecordToEncode] => [
    `deltas of ${n}`,
    { key: 'k', value: null, offsetDelta: n, timestampDelta: n * 31 },
  ]),
  ...[63, 64, 8191, 8192, 70_000].map((n): [string, RecordToEncode] => [
    `${n} characters`,
    { key: text(n), value: Buffer.alloc(n, 7), headers: { [text(9)]: text(n) } },
  ]),
];

describe.each(records)('a record of %s', (_name, record) => {
  it('when the record is written, then its bytes are those that KafkaJS writes', () => {
    expect(encodeRecord(record).equals(encodeByKafkaJs(record).buffer)).toBe(true);
  });

  it.each([0, 1])(
    'when the record is read, then it is as KafkaJS reads it, with headers as text (timestamp type %i)',
    (timestampType) => {
      const given = { ...context, timestampType };
      const bytes = body(encodeRecord(record));
      const theirs = decodeByKafkaJs(new Decoder(bytes), given);
      const lastAsText = Object.entries(theirs.headers).map(([name, value]) => [
        name,
        (Array.isArray(value) ? value.at(-1) : value)?.toString(),
      ]);
      const headers = Object.fromEntries(lastAsText) as Record<string, string>;
      const ours = decodeRecord({ buffer: bytes, offset: 0 }, given);
      // Reads headers one at a time, before and after all of them were read.
      const names = [...Object.keys(headers), 'none'].filter((name) => /^[\x20-\x7e]*$/.test(name));
      const oneByOne = () => names.map((name) => ours.header(name));
      const before = oneByOne();
      expect({
        ...ours,
        headers: ours.headers,
        magicByte: ours.magicByte,
        isControlRecord: ours.isControlRecord,
      }).toEqual({
        ...theirs,
        headers,
      });
      expect([before, oneByOne()]).toEqual([names.map((name) => headers[name]), names.map((name) => headers[name])]);
    },
  );
});

it('when a record is older than its batch, then its time is read as it was written', () => {
  const bytes = body(encodeRecord({ key: 'k', value: null, timestampDelta: -5 }));
  expect(decodeRecord({ buffer: bytes, offset: 0 }, context).timestamp).toBe('1795843067240');
});

it('when a record ends too soon, then it is read to its end and no further', () => {
  const bytes = body(encodeRecord({ key: 'key', value: Buffer.from('value'), headers: { a: 'b' } }));
  for (let length = 1; length < bytes.length; length++) {
    expect(() => decodeRecord({ buffer: bytes.subarray(0, length), offset: 0 }, context)).not.toThrow();
  }
});

it('when KafkaJS is corrected, then it loads our codec to send and read records', () => {
  patchKafkaJs();
  const encode = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: RecordToEncode) => {
    buffer: Buffer;
  };
  expect(encode({ key: 'k', value: null })).toEqual({ buf: expect.any(Buffer), buffer: expect.any(Buffer) });
  expect(require('kafkajs/src/protocol/recordBatch/record/v0/decoder')).toBe(decodeRecord);
});
