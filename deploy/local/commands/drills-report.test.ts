import { expect, it } from '@jest/globals';
import { drillsReport } from './drills-report.ts';

it('when drills have run, then the report tells each with its time, the figures, and how many failed', () => {
  const machine = {
    cores: 2,
    cpu: 'x',
    memoryGb: 8,
    freeMemoryGb: 4,
    loadBefore: 0.1,
    node: 'v24',
    commit: 'abc',
    at: 't',
  };
  const drill = { file: 'test/faults/recovery.test.ts', name: 'when a, then b', passed: true, ms: 12_345 };
  const text = drillsReport(
    machine,
    [drill, { ...drill, passed: false }],
    [{ drill: 'order', what: 'time', value: '3 s' }],
  );
  expect(text).toContain('1 passed, 1 failed.');
  expect(text).toContain('| time | order | 3 s |');
  expect(text).toContain('| when a, then b | `test/faults/recovery.test.ts` | 12.3 s | passed |');
  expect(text).toContain('**failed**');
});
