export { OutageError } from '@shop/chassis';

/** A message that no retry can make readable: rubbish, an unknown schema, missing headers. */
export class UndecodableError extends Error {
  override readonly name: string = 'UndecodableError';
}

/**
 * The registry has no schema with the id of this message. Many of these are the registry's fault, not the messages'.
 */
export class UnknownSchemaError extends UndecodableError {
  override readonly name = 'UnknownSchemaError';
}

/** An event whose data does not fit its schema; the message names the fields. A bug of the publisher. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError';
  /** Paths of the offending fields, e.g. `lines.0.quantity`. */
  readonly fields: readonly string[];

  constructor(type: string, fields: readonly string[], options?: ErrorOptions) {
    super(`${type} does not fit its schema: ${fields.join(', ') || 'not a record'}`, options);
    this.fields = fields;
  }
}

/** This consumer lost the partition while the batch was in its hands: nothing of it may be committed. */
export class StaleBatchError extends Error {
  override readonly name = 'StaleBatchError';
}

/** The handler (or the registry) fails whatever it is given: its partition halts, nothing more is dead-lettered. */
export class HandlerBrokenError extends Error {
  override readonly name = 'HandlerBrokenError';
}

/** `error` as one line of text, with its name. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** `error` and what caused it, the outermost first; no more than four, for a chain of causes may be a ring. */
export function* withCauses(error: unknown): Generator<Error> {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) yield cause;
}
