import { ANYBODY, CALLER_HEADER, type Caller, createCallerSigner, parseInternalKeys } from '@shop/chassis';

/** Headers of a call past the gateway; `path` includes the query. */
export type SignedHeaders = (method: string, path: string, caller?: Caller) => Record<string, string>;

/**
 * Signs calls of services as the gateway does. By default as with GATEWAY_AUTH=off: the request names its user and has
 * an operator's rights. @param keys INTERNAL_KEYS @throws in words when there are none
 */
export function signedCalls(keys: string | undefined): SignedHeaders {
  if (!keys) throw new Error('INTERNAL_KEYS is missing: services answer only to who has the key that they have');
  const sign = createCallerSigner(parseInternalKeys(keys));
  return (method, path, caller = ANYBODY) => ({ [CALLER_HEADER]: sign(caller, method, path) });
}
