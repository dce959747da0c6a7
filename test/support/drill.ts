import { appendFileSync } from 'node:fs';

/**
 * How much a drill does: everything with SHOP_DRILL=full (`npm run drills`), a tenth of it in `npm test`, which must
 * stay short.
 */
export function drillSize(full: number): number {
  return isDrill ? full : Math.ceil(full / 10);
}

/** Whether `npm run drills` runs the tests, which takes its time. */
export const isDrill = process.env.SHOP_DRILL === 'full';

/** Notes a figure of a drill for the report of `npm run drills`; otherwise prints it. */
export function noteFigure(drill: string, what: string, value: string | number): void {
  const file = process.env.SHOP_DRILL_NOTES;
  if (file) appendFileSync(file, `${JSON.stringify({ drill, what, value: String(value) })}\n`);
  else console.info(`${drill}: ${what} ${value}`);
}
