import type { Group } from '../../services/groups.ts';
import type { DescribedEvent } from './events.ts';
import { toHtml } from './html.ts';

const ROW = 46;
const BOX = { width: 190, height: 34 };
/** Left edges of the publishers, the topics and the groups. */
const COLUMNS = [10, 285, 560] as const;
const WIDTH = COLUMNS[2] + BOX.width + 10;

interface Place {
  readonly x: number;
  readonly y: number;
}

/** An SVG of three columns with lines between them: publishers, topics, and the groups that consume each topic. */
export function diagram(events: readonly DescribedEvent[], groups: readonly Group[]): string {
  const publishers = unique(events.map(({ publisher }) => publisher));
  const topics = unique(events.map(({ topic }) => topic));
  const names = groups.map(({ group }) => group);
  const height = Math.max(publishers.length, topics.length, names.length) * ROW + 34;
  const [left, middle, right] = [publishers, topics, names].map((column, index) =>
    places(column, COLUMNS[index as 0 | 1 | 2], height),
  ) as [Map<string, Place>, Map<string, Place>, Map<string, Place>];
  const sends = unique(events.map(({ publisher, topic }) => `${publisher} ${topic}`));
  const hears = unique(
    groups.flatMap(({ group: name, handles }) =>
      events.filter(({ type }) => handles.includes(type)).map(({ topic }) => `${topic} ${name}`),
    ),
  );
  const lines = [...sends.map((pair) => line(pair, left, middle)), ...hears.map((pair) => line(pair, middle, right))];
  const boxes = [
    ...[...left].map(([name, at]) => box(name, at, 'service')),
    ...[...middle].map(([name, at]) => box(name, at, 'topic')),
    ...[...right].map(([name, at]) => box(name, at, 'service')),
  ];
  const heads = ['publishes', 'topic', 'consumer group'].map(
    (text, index) => `<text class="head" x="${(COLUMNS[index] ?? 0) + BOX.width / 2}" y="18">${text}</text>`,
  );
  return `<svg viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Who publishes to which topic, and who hears it">
${[...lines, ...heads, ...boxes].join('\n')}
</svg>`;
}

function places(names: readonly string[], x: number, height: number): Map<string, Place> {
  const step = (height - 34) / names.length;
  return new Map(names.map((name, index) => [name, { x, y: Math.round(30 + step * (index + 0.5) - BOX.height / 2) }]));
}

function line(pair: string, from: ReadonlyMap<string, Place>, to: ReadonlyMap<string, Place>): string {
  const [a = '', b = ''] = pair.split(' ');
  const [start, end] = [from.get(a), to.get(b)];
  if (!start || !end) throw new Error(`the diagram has no place for ${pair}`);
  const [x1, y1, x2, y2] = [start.x + BOX.width, start.y + BOX.height / 2, end.x, end.y + BOX.height / 2];
  const bend = (x2 - x1) / 2;
  return `<path d="M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"/>`;
}

function box(name: string, { x, y }: Place, kind: string): string {
  const middle = `x="${x + BOX.width / 2}" y="${y + BOX.height / 2 + 5}"`;
  return `<rect class="${kind}" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6"/><text ${middle}>${toHtml(name)}</text>`;
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
