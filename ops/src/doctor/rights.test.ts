import { expect, it } from '@jest/globals';
import { deniedRights } from './rights.ts';

it.each([
  ["(conn:7, no: 1142) SELECT command denied to user 'a'@'b' for table 'outbox'\nsql: UPDATE outbox SET", ['SELECT']],
  ["SELECT, UPDATE command denied to user 'a'@'b' for table 'outbox'", ['SELECT', 'UPDATE']],
  ['(conn:7, no: 1290) The MySQL server is running with the --read-only option', []],
])('when the server says %j, then the rights that it denies are %j', (words, rights) => {
  expect(deniedRights(words)).toEqual(rights);
});
