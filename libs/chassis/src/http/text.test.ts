import { describe, expect, it } from '@jest/globals';
import { shownText, textFault } from './text.ts';

describe('a text that is stored', () => {
  it.each(['a', ' a ', '마이크 5 m', "O'Brien <b>&amp;</b>", '👩‍👩‍👧 family', 'é', 'שלום', '\t a \n'])(
    'when it is %j, then it is taken, without spaces at its ends',
    (text) => expect(shownText(200).parse(text)).toBe(text.trim()),
  );

  it.each([
    ['\u0000', 'U+0000'],
    ['a\u0000b', 'U+0000'],
    ['a\nb', 'U+000A'],
    ['a\tb', 'U+0009'],
    ['a\rb', 'U+000D'],
    ['\u001b[31mred', 'U+001B'],
    ['a\u007f', 'U+007F'],
    ['a\u0085b', 'U+0085'],
    ['a\u009bb', 'U+009B'],
    ['a\u2028b', 'U+2028'],
    ['a\u2029b', 'U+2029'],
    ['\u202egpj.exe', 'U+202E'],
    ['a\u2066b', 'U+2066'],
    ['a\u200fb', 'U+200F'],
    ['a\ud800', 'U+D800'],
    ['\udc00a', 'U+DC00'],
    ['\u200b', 'visible'],
    ['\u200d\u2060', 'visible'],
    ['\ufeff \u00ad', 'visible'],
  ])('when it has a character that cannot be shown (%j), then it is refused and the character named', (text, words) => {
    expect(textFault(text)).toContain(words);
    const { error } = shownText(200).safeParse(text);
    expect(error?.issues.map(({ message }) => message).join()).toContain(words);
  });

  it.each(['', '   ', 'x'.repeat(201)])('when it is empty or too long, then it is refused', (text) => {
    expect(shownText(200).safeParse(text).success).toBe(false);
  });
});
