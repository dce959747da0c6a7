export { OutageError } from '@shop/chassis';

/** A message that no retry can make readable: rubbish, an unknown schema, missing headers. */
export class UndecodableError extends Error {
  override readonly name: string = 'UndecodableError';
}

/** The registry has no schema with the id of this message. Many such messages point to a fault of the registry. */
export class UnknownSchemaError extends UndecodableError {
  override readonly name = 'UnknownSchemaError';
}

/**
 * The schema that the message's id names is another event's, or does not fit its bytes. Many such messages point to a
 * registry that was made anew with other ids.
 */
export class SchemaMismatchError extends UndecodableError {
  override readonly name = 'SchemaMismatchError';
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

/**
 * The broker refuses these records, while it would take others: their topic is gone, a right is missing, a record is
 * too large. Trying again at once is in vain.
 */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** The broker's word for it, such as UNKNOWN_TOPIC_OR_PARTITION. */
  readonly reason: string;
  /** `topic`: no record of the topic is taken. `record`: a smaller or another record may be. */
  readonly scope: 'topic' | 'record';

  constructor(reason: string, scope: 'topic' | 'record', options?: ErrorOptions) {
    super(`the broker refuses the ${scope}: ${reason}`, options);
    this.reason = reason;
    this.scope = scope;
  }
}

/** This consumer lost the partition while it held the batch: nothing of the batch may be committed. */
export class StaleBatchError extends Error {
  override readonly name = 'StaleBatchError';
}

/** The handler (or the registry) fails for every message: the partition halts, nothing more is dead-lettered. */
export class HandlerBrokenError extends Error {
  override readonly name = 'HandlerBrokenError';
}

/** `error` as one line of text, with its name. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** `error` and its causes, the outermost first; at most four, since a chain of causes may be a ring. */
export function* withCauses(error: unknown): Generator<Error> {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) yield cause;
}
