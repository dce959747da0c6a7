import { expect, it } from '@jest/globals';
import { modelReport } from './model-report.ts';

it('when scripts have run, then the report sums them up and shows each difference', () => {
  const machine = {
    cores: 2,
    cpu: 'x',
    memoryGb: 8,
    freeMemoryGb: 4,
    loadBefore: 0.1,
    node: 'v24',
    commit: 'a',
    at: 't',
  };
  const counts = { scripts: 10, acts: 100, waits: 20, deadlocks: 3, duplicateKeys: 2, ms: 4_000 };
  const text = modelReport(machine, [
    { part: 'order', ...counts, differences: [], once: ['order, seed 3: …'] },
    { part: 'coupon', ...counts, differences: ['coupon, seed 7: …'], once: [] },
  ]);
  expect(text).toContain('| order | 10 | 100 | 20 | 3 | 2 | 0 | 1 | 4 s |');
  expect(text).toContain('| all | 20 | 200 | 40 | 6 | 4 | 1 | 1 | 8 s |');
  expect(text).toContain('```\ncoupon, seed 7: …\n```');
  expect(text).toMatch(/Differed once.*\n\n```\norder, seed 3: …\n```/);
});
