/** What the operator asks for cannot be. The message is a sentence. */
export class WishError extends Error {
  override readonly name = 'WishError';
}
