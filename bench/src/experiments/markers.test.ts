import { describe, expect, it } from '@jest/globals';
import { checkMarkers, fillMarkers } from './markers.ts';

const DOCUMENT = `# Title

Words before, with $& and a | bar.

<!-- figures: first -->
old
<!-- end of figures -->

Words between.

<!-- figures: second --><!-- end of figures -->

Words after.
`;

describe('a report with figures between markers', () => {
  it('when a report is filled, then the figures are new and every other word is kept', () => {
    const filled = fillMarkers(DOCUMENT, { first: ['| a |', '| 1 $1 $& |'], second: ['two'] });
    expect(filled).toBe(
      DOCUMENT.replace('\nold\n', () => '\n\n| a |\n| 1 $1 $& |\n\n').replace(
        'second --><!--',
        'second -->\n\ntwo\n\n<!--',
      ),
    );
  });

  it('when a report is filled again, then nothing of the first time is left', () => {
    const figures = { first: ['short'], second: ['x'] };
    const once = fillMarkers(DOCUMENT, figures);
    expect(fillMarkers(fillMarkers(once, { first: ['a', 'b', 'c'], second: ['y'] }), figures)).toBe(once);
  });

  it.each([
    ['a section is missing', '# Title', ['first'], 'no line <!-- figures: first -->'],
    ['a section has no end', '<!-- figures: first -->', ['first'], 'no <!-- end of figures -->'],
    [
      'a section ends after the next one began',
      '<!-- figures: a -->\n<!-- figures: b -->\n<!-- end of figures -->',
      ['a', 'b'],
      'no <!-- end of figures --> after <!-- figures: a -->',
    ],
    ['a section stands twice', DOCUMENT + DOCUMENT, ['first', 'second'], '<!-- figures: first --> twice'],
    ['a section is of no experiment', DOCUMENT, ['first'], 'no figures are made for <!-- figures: second -->'],
  ])('when %s, then it is refused', (_, document, sections, words) => {
    expect(() => checkMarkers(document, sections)).toThrow(words);
  });
});
