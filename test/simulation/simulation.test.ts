import { describe, expect, it } from '@jest/globals';
import { simulate } from './simulation.ts';

/** At least 2,000; `SIMULATION_SEEDS=100:1000000` runs a hundred others. */
const [count, first] = (process.env.SIMULATION_SEEDS ?? '3000:1').split(':').map(Number) as [number, number];

describe('the whole saga in memory', () => {
  it(`when anything may fail at any step, then all invariants hold at rest (${count} seeds from ${first})`, async () => {
    const failures: string[] = [];
    for (let seed = first; seed < first + count && failures.length < 5; seed++) {
      const { violations } = await simulate(seed);
      if (violations.length === 0) continue;
      const again = `replay it with: npm run simulate -- --seed ${seed} --trace`;
      failures.push([`seed ${seed}:`, ...violations, again].join('\n  '));
    }
    expect(failures.join('\n')).toBe('');
  });

  it('when a seed is run again, then it takes the same steps', async () => {
    const runs: string[][] = [[], []];
    for (const lines of runs) await simulate(7, (line) => lines.push(line));
    expect(runs[0]?.length).toBeGreaterThan(300);
    expect(runs[1]).toEqual(runs[0]);
  });
});
