/**
 * Something this process needs is away (broker, registry …): nothing is wrong with the request or message, try again
 * later.
 */
export class OutageError extends Error {
  override readonly name = 'OutageError';
}
