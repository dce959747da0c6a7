/**
 * For the `default` of a switch over every case: a case without a branch does not compile. A value that the types
 * exclude (a row written by another release) throws.
 */
export function unreachable(value: never, what = 'unexpected'): never {
  throw new Error(`${what}: ${JSON.stringify(value)}`);
}
