import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { root } from '../../deploy/local/paths.ts';
import { simulate } from './simulation.ts';

/** At least 2,000; `SIMULATION_SEEDS=100:1000000` runs a hundred others. */
const [count, first] = (process.env.SIMULATION_SEEDS ?? '3000:1').split(':').map(Number) as [number, number];

/** Runs the seeds as `npm run simulate` does: in a process of their own they take a third of the time. */
async function simulateAll(): Promise<{ code: number | null; said: string }> {
  const { NODE_OPTIONS: _jest, ...env } = process.env;
  const args = ['--seed', String(first), '--count', String(count), '--failures', '5'];
  const child = fork(join(root, 'test/simulation/main.ts'), args, { execArgv: [], env, silent: true });
  const [said, complaints, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, said: said + complaints };
}

describe('the whole saga in memory', () => {
  it(`when anything may fail at any step, then all invariants hold at rest (${count} seeds from ${first})`, async () => {
    const { code, said } = await simulateAll();
    expect(said).toMatch(new RegExp(`^${count} seeds, \\d+ steps, 0 failed`));
    expect(code).toBe(0);
  });

  it('when a seed is run again, then it takes the same steps', async () => {
    const runs: string[][] = [[], []];
    for (const lines of runs) await simulate(7, (line) => lines.push(line));
    expect(runs[0]?.length).toBeGreaterThan(300);
    expect(runs[1]).toEqual(runs[0]);
  });
});
