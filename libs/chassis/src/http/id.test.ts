import { describe, expect, it } from '@jest/globals';
import { uuidIn, uuidInput } from './id.ts';

const ID = '0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10';

describe('an id that a client sent', () => {
  it.each([ID, ID.toUpperCase(), '0195F3a2-7c1B-7a35-9d7e-3f4B8A6c2d10'])(
    'when it is %s, then it is one id',
    (text) => {
      expect(uuidIn(text)).toBe(ID);
      expect(uuidInput.parse(text)).toBe(ID);
    },
  );

  it.each([
    '',
    ` ${ID}`,
    `${ID}\n`,
    `{${ID}}`,
    `urn:uuid:${ID}`,
    ID.replaceAll('-', ''),
    ID.replace('a', 'ａ'),
    ID.replace('0', '٠'),
    `${ID},${ID}`,
    undefined,
    null,
    7,
    [ID],
  ])('when it is %j, then it is none', (text) => {
    expect(uuidIn(text)).toBeUndefined();
    expect(uuidInput.safeParse(text).success).toBe(false);
  });
});
