/** Bytes and numbers of a field, in their order. Fixed 64-bit numbers come as `bigint`, as varints do. */
export type ProtobufFields = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;

/**
 * Reads one message of Protocol Buffers without its schema: https://protobuf.dev/programming-guides/encoding.
 * @throws RangeError when the bytes end within a field
 */
export function readProtobuf(message: Buffer): ProtobufFields {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const value = (wireType: number): Buffer | bigint => {
    switch (wireType) {
      case VARINT:
        return varint();
      case FIXED_64:
        at += 8;
        return message.readBigUInt64LE(at - 8);
      case FIXED_32:
        at += 4;
        return BigInt(message.readUInt32LE(at - 4));
      case BYTES: {
        const length = Number(varint());
        at += length;
        if (at > message.length) throw new RangeError(`a field of ${length} bytes ends behind its message`);
        return message.subarray(at - length, at);
      }
      default:
        throw new RangeError(`unknown wire type ${wireType}`);
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const values = fields.get(tag >> 3) ?? [];
    fields.set(tag >> 3, values);
    values.push(value(tag & 7));
  }
  return fields;
}

/** The messages of a repeated field. */
export function messagesOf(fields: ProtobufFields, field: number): ProtobufFields[] {
  return bytesOf(fields, field).map(readProtobuf);
}

export function bytesOf(fields: ProtobufFields, field: number): Buffer[] {
  return (fields.get(field) ?? []).filter((value) => Buffer.isBuffer(value));
}

/** The text of a field; empty where it is left out, which means the same. */
export function textOf(fields: ProtobufFields, field: number): string {
  return bytesOf(fields, field).at(-1)?.toString('utf8') ?? '';
}

/** The bytes of a field as hexadecimal digits. */
export function hexOf(fields: ProtobufFields, field: number): string {
  return bytesOf(fields, field).at(-1)?.toString('hex') ?? '';
}

export function numberOf(fields: ProtobufFields, field: number): bigint {
  const value = fields.get(field)?.at(-1) ?? 0n;
  if (Buffer.isBuffer(value)) throw new TypeError(`field ${field} is no number`);
  return value;
}
