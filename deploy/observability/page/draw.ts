/** One line of a graph. */
export interface Line {
  readonly name: string;
  /** Time (s since the epoch) and value; in the order of time. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Frame {
  /** Seconds since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Points further apart are not joined, s. */
  readonly gap: number;
}

const WIDTH = 600;
const HEIGHT = 170;
const LEFT = 48;
const BOTTOM = 18;
export const COLOURS = ['#3b7dd8', '#d9822b', '#2e9e6b', '#b0468f', '#8a7a18', '#d13b3b', '#5b62c9', '#4a9aa8'];

export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#888';
}

/** A value with its unit, short enough for an axis. */
export function shown(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '–';
  if (unit === 'percentunit') return `${round(value * 100)} %`;
  if (unit === 's')
    return value < 1 && value > 0
      ? `${round(value * 1_000)} ms`
      : value >= 120
        ? `${round(value / 60)} min`
        : `${round(value)} s`;
  const short = value >= 1e6 ? `${round(value / 1e6)} M` : value >= 1e4 ? `${round(value / 1e3)} k` : round(value);
  return unit === 'reqps' ? `${short}/s` : short;
}

function round(value: number): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** The top of the axis: the next of 1, 2, 5 × a power of ten above the highest value. */
export function topOf(lines: readonly Line[]): number {
  const highest = Math.max(
    0,
    ...lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite),
  );
  if (highest === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(highest));
  return ([1, 2, 5, 10].find((step) => step * power >= highest) ?? 10) * power;
}

/** The path of a line, interrupted where points are missing. */
export function pathOf({ points }: Line, frame: Frame, top: number): string {
  const x = (time: number) => LEFT + ((time - frame.from) / (frame.to - frame.from)) * (WIDTH - LEFT);
  const y = (value: number) => (HEIGHT - BOTTOM) * (1 - value / top);
  let last = Number.NEGATIVE_INFINITY;
  let path = '';
  for (const [time, value] of points) {
    if (!Number.isFinite(value)) continue;
    path += `${time - last > frame.gap ? 'M' : 'L'}${x(time).toFixed(1)} ${y(value).toFixed(1)}`;
    last = time;
  }
  return path;
}

/** A graph as SVG. */
export function graph(title: string, unit: string, lines: readonly Line[], frame: Frame): string {
  const top = topOf(lines);
  const axis = [0, 0.5, 1].map((share) => {
    const y = (HEIGHT - BOTTOM) * (1 - share);
    const label = escaped(shown(top * share, unit));
    return `<path d="M${LEFT} ${y}H${WIDTH}" stroke="var(--line)"/><text x="${LEFT - 4}" y="${Math.max(9, y + 3)}" text-anchor="end">${label}</text>`;
  });
  const times = [0, 1, 2, 3].map((n) => {
    const time = frame.from + ((frame.to - frame.from) * n) / 3;
    const words = new Date(time * 1_000).toTimeString().slice(0, 5);
    const anchor = n === 0 ? 'start' : n === 3 ? 'end' : 'middle';
    return `<text x="${LEFT + ((WIDTH - LEFT) * n) / 3}" y="${HEIGHT - 4}" text-anchor="${anchor}">${words}</text>`;
  });
  const paths = lines.map(
    (line, n) => `<path d="${pathOf(line, frame, top)}" fill="none" stroke="${colourOf(n)}" stroke-width="1.5"/>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${axis.join('')}${times.join('')}${paths.join('')}</svg>`;
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
