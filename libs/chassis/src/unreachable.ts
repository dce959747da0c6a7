/**
 * For the `default` of a switch that names every case: a case without a branch does not compile. A value that the types
 * rule out (a row that another release wrote) throws.
 */
export function unreachable(value: never, what = 'unexpected'): never {
  throw new Error(`${what}: ${JSON.stringify(value)}`);
}
