import { describe, expect, it } from '@jest/globals';
import { graph, pathOf, shown, topOf } from './draw.ts';

const line = (...points: [number, number][]) => ({ name: 'order', points });
const FRAME = { from: 0, to: 100, gap: 20 };

describe('a graph', () => {
  it.each([
    [0, 's', '0 s'],
    [0.0421, 's', '42.1 ms'],
    [3.5, 's', '3.50 s'],
    [600, 's', '10 min'],
    [0.051, 'percentunit', '5.10 %'],
    [1_083.4, 'reqps', '1083/s'],
    [25_000, 'short', '25 k'],
    [Number.NaN, 'short', '–'],
  ])('when %f is shown in %s, then it is %s', (value, unit, words) => expect(shown(value, unit)).toBe(words));

  it('when values are high, then the axis ends at a round number above them', () => {
    expect(topOf([line([0, 130], [1, 90])])).toBe(200);
    expect(topOf([line([0, 0.004])])).toBe(0.005);
    expect(topOf([line([0, 0])])).toBe(1);
    expect(topOf([])).toBe(1);
  });

  it('when points are missing, then the line is interrupted instead of guessing', () => {
    const path = pathOf(line([0, 1], [10, 2], [60, 2], [70, Number.NaN], [75, 1]), FRAME, 2);
    expect(path.replaceAll(/[\d. ]+/g, '')).toBe('MLML');
  });

  it('when a name holds markup, then it is shown as it is', () => {
    expect(graph('a <b> "c"', 'short', [line([0, 1])], FRAME)).toContain('aria-label="a &lt;b> &quot;c&quot;"');
  });
});
