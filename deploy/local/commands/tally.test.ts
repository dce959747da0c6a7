import { describe, expect, it } from '@jest/globals';
import { addUp, type JestSummary, lastLine, openHandles, tallyOf } from './tally.ts';

const file = (name: string, status: string, tests: [string, string][]): JestSummary['testResults'][number] => ({
  name: `/shop/${name}`,
  status,
  message: '',
  assertionResults: tests.map(([fullName, outcome]) => ({ fullName, status: outcome })),
});

describe('the tally of a test run', () => {
  it('when a test fails, then tests are counted and the failed one is named', () => {
    const summary = {
      testResults: [
        file('a.test.ts', 'failed', [
          ['one', 'passed'],
          ['two', 'failed'],
          ['three', 'pending'],
        ]),
      ],
    };
    expect(tallyOf('unit', summary, 1, undefined, '/shop')).toEqual({ passed: 1, failed: ['a.test.ts: two'] });
  });

  it('when a test tells why it failed, then the beginning of that follows its name, without colours and stack', () => {
    const [red, long] = [
      '\u001b[31mexpected 1\u001b[39m\n\nreceived 2\n    at here (a.test.ts:1:1)',
      'line\n'.repeat(100),
    ];
    const { failed } = tallyOf(
      'unit',
      {
        testResults: [
          {
            ...file('a.test.ts', 'failed', []),
            assertionResults: [
              { fullName: 'one', status: 'failed', failureMessages: [red] },
              { fullName: 'two', status: 'failed', failureMessages: [long] },
            ],
          },
        ],
      },
      1,
      undefined,
      '/shop',
    );
    expect(failed[0]?.split('\n').map((line) => line.trim())).toEqual(['a.test.ts: one', 'expected 1', 'received 2']);
    expect(failed[1]?.split('\n')).toHaveLength(13);
  });

  it('when a file could not run, then it counts as failed', () => {
    expect(tallyOf('unit', { testResults: [file('b.test.ts', 'failed', [])] }, 1, undefined, '/shop').failed).toEqual([
      'b.test.ts: could not run',
    ]);
  });

  it.each([
    ['Jest ended without results', undefined, 134, undefined],
    [
      'Jest failed after every test had passed',
      { testResults: [file('a.test.ts', 'passed', [['one', 'passed']])] },
      1,
      undefined,
    ],
    [
      'something stayed open',
      { testResults: [file('a.test.ts', 'passed', [['one', 'passed']])] },
      1,
      ['timer of 5 ms'],
    ],
  ])('when %s, then it counts as one failure', (_what, summary, code, stayedOpen) => {
    expect(tallyOf('faults', summary, code, stayedOpen, '/shop').failed).toHaveLength(1);
  });

  it('when handles keep a process from ending, then these are named, and no others', () => {
    const here = { ip4: '127.0.0.1', port: 1 };
    expect(
      openHandles({
        libuv: [
          { type: 'timer', is_active: true, is_referenced: false, firesInMsFromNow: 7 },
          { type: 'timer', is_active: true, is_referenced: true, firesInMsFromNow: 5 },
          { type: 'idle', is_active: false, is_referenced: true },
          { type: 'tcp', is_active: true, is_referenced: true, localEndpoint: here, remoteEndpoint: null },
          {
            type: 'tcp',
            is_active: true,
            is_referenced: true,
            localEndpoint: here,
            remoteEndpoint: { ...here, port: 2 },
          },
          { type: 'process', is_active: true, is_referenced: true },
          { type: 'loop', is_active: true },
        ],
      }),
    ).toEqual(['timer of 5 ms', 'tcp 127.0.0.1:1 → all', 'tcp 127.0.0.1:1 → 127.0.0.1:2', 'process']);
  });

  it('when a run is over, then its last line sums it up', () => {
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
