import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compress as compressLz4, decompress as decompressLz4 } from 'lz4js';
import { compress as compressSnappy, uncompress as uncompressSnappy } from 'snappyjs';

/** What KafkaJS uses of a codec. `buffer` of an encoder is all that it has written. */
export interface CompressionCodec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  /** Rejects when the bytes are not of this codec. */
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** Begins the blocks that Kafka's own snappy library (xerial) writes. Other clients write one block without it. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Magic, version and oldest version that can read it. */
const XERIAL_HEADER = 16;

export const snappy: CompressionCodec = {
  compress: async ({ buffer }) => toBuffer(compressSnappy(buffer)),
  decompress: async (buffer) =>
    buffer.subarray(0, XERIAL.length).equals(XERIAL)
      ? Buffer.concat(xerialBlocks(buffer).map((block) => uncompressSnappy(block)))
      : toBuffer(uncompressSnappy(buffer)),
};

/** Kafka's lz4 is the frame format. */
export const lz4: CompressionCodec = {
  compress: async ({ buffer }) => toBuffer(compressLz4(buffer)),
  decompress: async (buffer) => toBuffer(decompressLz4(buffer)),
};

export const zstd: CompressionCodec = {
  compress: async ({ buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer) => zstdDecompressSync(buffer),
};

/**
 * Lets every KafkaJS client of this process read each compression that a topic can have. KafkaJS itself knows gzip
 * only, and its consumers end at a batch of another kind. Our producer never compresses. A topic's operator may have
 * the broker do it (`compression.type`), and the batches then stay in the log as long as it holds them.
 */
export function registerCompressions(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = () => snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

function xerialBlocks(buffer: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEADER; at < buffer.length; ) {
    const end = at + 4 + buffer.readInt32BE(at);
    if (end > buffer.length) throw new Error('a snappy block is cut off');
    blocks.push(buffer.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
