/**
 * How much a drill does: everything with SHOP_DRILL=full (`npm run drills`), a tenth of it in `npm test`, which must
 * stay short.
 */
export function drillSize(full: number): number {
  return process.env.SHOP_DRILL === 'full' ? full : Math.ceil(full / 10);
}
