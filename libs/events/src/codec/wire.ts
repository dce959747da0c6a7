import { UndecodableError } from '../errors.ts';

/** Confluent wire format: a zero byte, the schema id (big-endian 32 bits), then the Avro bytes. */
export const WIRE_HEADER = 5;

const MAX_EVENT_BYTES = 900_000;
const scratch = Buffer.allocUnsafe(64 * 1024);

interface AvroWriter {
  encode(value: unknown, buffer: Buffer, position: number): number;
  toBuffer(value: unknown): Buffer;
}

/**
 * Encodes `value` behind the wire header. Throws avsc's error when the value does not fit, and a RangeError above 900
 * kB: the broker would refuse such a record for ever, and the relay could not pass it.
 */
export function writeWire(schemaId: number, avro: AvroWriter, value: unknown): Buffer {
  scratch.writeUInt8(0, 0);
  scratch.writeUInt32BE(schemaId, 1);
  const end = avro.encode(value, scratch, WIRE_HEADER);
  // avsc returns a negative number when the buffer was too short.
  if (end > 0) return Buffer.from(scratch.subarray(0, end));
  const body = avro.toBuffer(value);
  if (body.length > MAX_EVENT_BYTES) throw new RangeError(`${body.length} bytes are more than an event may have`);
  return Buffer.concat([scratch.subarray(0, WIRE_HEADER), body]);
}

/** Schema id of an encoded message. Throws UndecodableError if it is not in the wire format. */
export function wireSchemaId(message: Buffer): number {
  if (message.length < WIRE_HEADER) throw new UndecodableError(`${message.length} bytes are too few for a message`);
  if (message.readUInt8(0) !== 0)
    throw new UndecodableError(`first byte ${message.readUInt8(0)} is not the wire format's`);
  return message.readUInt32BE(1);
}
