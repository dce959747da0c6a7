import { createCodec, type DecodedEvent } from '@shop/events';

/** The data of an encoded event, or why it cannot be read. */
export async function decodePayload(
  registryUrl: string,
  payload: Buffer | null,
): Promise<DecodedEvent | { error: string }> {
  if (payload === null) return { error: 'it has no value' };
  try {
    return await createCodec({ registryUrl }).decode(payload);
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
