import { z } from 'zod';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The canonical spelling of an id (a UUID) that a client sent, or undefined when the text is none. Capital letters are
 * the same id (RFC 9562 §4); behind the entrance an id has small letters only, as it is stored and compared.
 */
export function uuidIn(text: unknown): string | undefined {
  return typeof text === 'string' && UUID.test(text) ? text.toLowerCase() : undefined;
}

/** An id in a body: see `uuidIn`. */
export const uuidInput = z
  .string()
  .regex(UUID, 'expected an id')
  .transform((text) => text.toLowerCase())
  .meta({ format: 'uuid' });
