/** The Idempotency-Key of a request, and the hash of its body. */
export interface RequestKey {
  readonly key: string;
  readonly requestHash: string;
}

/** What an event tells of the request that caused it, beside what happened to the order. */
interface RequestFields {
  readonly requestId: string | null;
  readonly idempotencyKey: string | null;
  readonly requestHash: string | null;
}

/** The key of a request in the form in which events tell it. */
export function keyFields(key: RequestKey | undefined): Omit<RequestFields, 'requestId'> {
  return { idempotencyKey: key?.key ?? null, requestHash: key?.requestHash ?? null };
}

/**
 * An event's data without those of its request. The key is its client's affair: the history does not keep it for longer
 * than `idempotency_key` does, and it is told to nobody else.
 */
export function withoutRequest<D extends object>(data: D): Omit<D, keyof RequestFields> {
  const { requestId, idempotencyKey, requestHash, ...rest } = data as D & Partial<RequestFields>;
  return rest;
}
