/** Figures and tables in the format of the reports. */
export const milliseconds = (value: number): string => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
export const rate = (value: number): string => Math.round(value).toLocaleString('en');
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** The first two lines of a table: `words` columns of text (default one), then columns of numbers. */
export const header = (cells: readonly string[], words = 1): string[] => [
  row(cells),
  row(cells.map((_, index) => (index < words ? '---' : '---:'))),
];
