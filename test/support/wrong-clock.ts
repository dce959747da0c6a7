import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The environment of a process whose wall clock is off by `shiftMs` (negative: slow). */
export function wrongClock(shiftMs: number): Record<string, string> {
  const preload = pathToFileURL(join(import.meta.dirname, 'shifted-clock.ts')).href;
  return { NODE_OPTIONS: `--import=${preload}`, SHOP_CLOCK_SHIFT_MS: String(shiftMs) };
}
