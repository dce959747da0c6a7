import avsc from 'avsc';
import { askRegistry } from './access.ts';

/** An event with the schema of its writer. */
export interface DecodedPayload {
  /** Full name of its Avro record. */
  readonly record: string;
  readonly data: unknown;
}

/** Bytes before the Avro value: a zero and the schema's id. */
const WIRE_HEADER = 5;

/** The data of an encoded event, read with its writer's schema, or the reason why it cannot be read. */
export async function decodePayload(
  registryUrl: string,
  payload: Buffer | null,
): Promise<DecodedPayload | { readonly error: string }> {
  if (payload === null) return { error: 'it has no value' };
  if (payload.length < WIRE_HEADER || payload.readUInt8(0) !== 0)
    return { error: 'it does not begin as an encoded event does' };
  const id = payload.readUInt32BE(1);
  try {
    const answer = await askRegistry(registryUrl)(`/schemas/ids/${id}`, {
      signal: AbortSignal.timeout(5_000),
    });
    if (!answer.ok) return { error: `the registry answers ${answer.status} for its schema ${id}` };
    const { schema } = (await answer.json()) as { schema: string };
    const type = avsc.Type.forSchema(JSON.parse(schema));
    return { record: type.name ?? '', data: type.fromBuffer(payload.subarray(WIRE_HEADER)) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
