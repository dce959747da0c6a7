/** The operator's request is impossible. The message is a sentence. */
export class WishError extends Error {
  override readonly name = 'WishError';
}
