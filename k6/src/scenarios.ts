import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = resolve(import.meta.dirname, '..');

export interface Scenario {
  readonly name: string;
  readonly file: string;
  /** The scenario's first line, which describes it. */
  readonly description: string;
}

/** Every script that k6 can run: those with a default function. Shared modules have none. */
export function scenarios(): Scenario[] {
  return readdirSync(folder)
    .filter((entry) => entry.endsWith('.js'))
    .sort()
    .flatMap((entry) => {
      const file = join(folder, entry);
      const text = readFileSync(file, 'utf8');
      if (!/^export default /m.test(text)) return [];
      return [
        { name: entry.slice(0, -'.js'.length), file, description: text.split('\n')[0]?.replace(/^\/\/ /, '') ?? '' },
      ];
    });
}
