import { describe, expect, it } from '@jest/globals';
import { addUp, type JestSummary, lastLine, tallyOf } from './tally.ts';

const file = (name: string, status: string, tests: [string, string][]): JestSummary['testResults'][number] => ({
  name: `/shop/${name}`,
  status,
  message: '',
  assertionResults: tests.map(([fullName, outcome]) => ({ fullName, status: outcome })),
});

describe('adding up a test run', () => {
  it('counts tests, and names those that failed', () => {
    const summary = {
      testResults: [
        file('a.test.ts', 'failed', [
          ['one', 'passed'],
          ['two', 'failed'],
          ['three', 'pending'],
        ]),
      ],
    };
    expect(tallyOf('unit', summary, 1, false, '/shop')).toEqual({ passed: 1, failed: ['a.test.ts: two'] });
  });

  it('counts a file that could not run', () => {
    expect(tallyOf('unit', { testResults: [file('b.test.ts', 'failed', [])] }, 1, false, '/shop').failed).toEqual([
      'b.test.ts: could not run',
    ]);
  });

  it.each([
    ['Jest ended without results', undefined, 134, false],
    [
      'Jest failed after every test had passed',
      { testResults: [file('a.test.ts', 'passed', [['one', 'passed']])] },
      1,
      false,
    ],
    ['something stayed open', { testResults: [file('a.test.ts', 'passed', [['one', 'passed']])] }, 1, true],
  ])('counts one failure when %s', (_what, summary, code, leaked) => {
    expect(tallyOf('faults', summary, code, leaked, '/shop').failed).toHaveLength(1);
  });

  it('ends in one line', () => {
    expect(
      lastLine(
        addUp([
          { passed: 2, failed: [] },
          { passed: 3, failed: ['x', 'y'] },
        ]),
      ),
    ).toBe('5 passed, 2 failed');
  });
});
