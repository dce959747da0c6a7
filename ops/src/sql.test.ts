import { expect, it } from '@jest/globals';
import { asciiOnly } from './sql.ts';

it('when ids on a topic are rubbish, then only ids that an id column can be compared with are queried', () => {
  expect(asciiOnly(['01a209b0-f05e', '주문-1', 'a\0b'])).toEqual(['01a209b0-f05e']);
  expect(asciiOnly(['주문-1'])).toEqual(['']);
});
