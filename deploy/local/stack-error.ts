/** A message for the person at the terminal: the problem and the remedy. Printed without a stack trace. */
export class StackError extends Error {
  override name = 'StackError';
  /** The exit code of the command: 1, or 2 when it was called wrongly. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
