import { describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { compress } from 'snappyjs';
import { silentLogger } from '../log.ts';
import { createClient } from './client.ts';
import { lz4, snappy, zstd } from './compression.ts';

const repeating = Buffer.from('an order of three pieces; '.repeat(20_000));
const random = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7_919 + (i >> 3)) % 251));

describe.each(Object.entries({ lz4, snappy, zstd }))('the compression %s', (_, codec) => {
  it.each([
    ['repeats', repeating],
    ['does not repeat', random],
    ['is one byte', Buffer.from('x')],
  ])('when it compresses what %s, then the same comes back, as a Buffer', async (_what, bytes) => {
    const back = await codec.decompress(await codec.compress({ buffer: bytes }));
    expect(Buffer.isBuffer(back)).toBe(true);
    expect(back.equals(bytes)).toBe(true);
  });

  it('when bytes are not its own, then it rejects', async () => {
    await expect(codec.decompress(Buffer.from('neither frame nor block'))).rejects.toThrow();
  });
});

describe('snappy of the Java library', () => {
  const framed = (...blocks: Buffer[]) =>
    Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00, 0, 0, 0, 1, 0, 0, 0, 1]),
      ...blocks.flatMap((block) => {
        const packed = compress(block) as Buffer;
        const length = Buffer.alloc(4);
        length.writeInt32BE(packed.length);
        return [length, packed];
      }),
    ]);

  it('when blocks are framed, then their contents come back one after the other', async () => {
    expect((await snappy.decompress(framed(repeating, random))).equals(Buffer.concat([repeating, random]))).toBe(true);
  });

  it('when the last block is cut off, then it rejects', async () => {
    await expect(snappy.decompress(framed(repeating).subarray(0, -1))).rejects.toThrow('cut off');
  });
});

it('when a client is made, then KafkaJS knows every compression that a topic can have', () => {
  createClient({ brokers: ['127.0.0.1:1'], clientId: 'test', logger: silentLogger });
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;
  for (const type of [GZIP, Snappy, LZ4, ZSTD] as const) expect(CompressionCodecs[type]()).toBeDefined();
});
