import { median } from '../flood/percentiles.ts';

/** The figures of one run of one side, by name. */
export type Figures = Readonly<Record<string, number>>;

export interface Pair {
  readonly old: Figures;
  readonly new: Figures;
}

/** One figure of both sides over all pairs. `old` and `new` are medians. */
export interface Compared {
  readonly name: string;
  readonly old: number;
  readonly new: number;
  /** new ÷ old of each pair: their median, least and most. Missing where an old figure is 0. */
  readonly ratio?: { readonly median: number; readonly least: number; readonly most: number };
  /** Number of pairs in which both sides have the figure. */
  readonly pairs: number;
}

/** Every figure that both sides of a pair have, in the order of the first pair. */
export function compareFigures(pairs: readonly Pair[]): Compared[] {
  const names = [...new Set(pairs.flatMap((pair) => Object.keys(pair.old)))];
  return names.flatMap((name): Compared[] => {
    const both = pairs.flatMap((pair) => {
      const before = pair.old[name];
      const after = pair.new[name];
      return before === undefined || after === undefined ? [] : [{ before, after }];
    });
    if (both.length === 0) return [];
    const ratios = both.filter(({ before }) => before > 0).map(({ before, after }) => after / before);
    return [
      {
        name,
        old: median(both.map(({ before }) => before)),
        new: median(both.map(({ after }) => after)),
        ...(ratios.length > 0 && {
          ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
        }),
        pairs: both.length,
      },
    ];
  });
}

/** One figure in a line, for a terminal. */
export function inWords({ name, old, new: fresh, ratio }: Compared): string {
  const spread = ratio
    ? `×${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)}–${ratio.most.toFixed(2)})`
    : 'no ratio';
  return `${name}: ${old.toPrecision(4)} → ${fresh.toPrecision(4)}, ${spread}`;
}

/** The order of a pair's sides: old, new, then new, old, … so that neither always runs first on a warm machine. */
export function sidesOfPair(pair: number): readonly ['old', 'new'] | readonly ['new', 'old'] {
  return pair % 2 === 0 ? ['old', 'new'] : ['new', 'old'];
}
