/** A dependency of this process is away (broker, registry …). The request or message is fine: try again later. */
export class OutageError extends Error {
  override readonly name: string = 'OutageError';
}
