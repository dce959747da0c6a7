import { expect, it } from '@jest/globals';
import { asciiOnly } from './sql.ts';

it('when ids come from rubbish on a topic, then only those that an id column may be compared with are asked for', () => {
  expect(asciiOnly(['01a209b0-f05e', '주문-1', 'a\0b'])).toEqual(['01a209b0-f05e']);
  expect(asciiOnly(['주문-1'])).toEqual(['']);
});
