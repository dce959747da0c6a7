/** A message for the person at the terminal: the problem and the remedy. Printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
}
