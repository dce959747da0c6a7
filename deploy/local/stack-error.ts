/** A sentence for the person at the terminal: what is missing and what to do. Printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
}
