import { setImmediate as turn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

const USAGE = `Usage: npm run simulate -- [--seed N] [--count N] [--failures N] [--trace]

Runs the whole shop in memory on a seed: the same seed takes the same steps.

  --seed N      the (first) seed; default 1
  --count N     how many seeds, one after the other; default 1
  --failures N  end after so many seeds that failed; default: run all
  --trace       print every step

Example: npm run simulate -- --seed 42 --trace`;

/** Undefined when an option is unknown. */
function readOptions() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '1' },
        failures: { type: 'string', default: 'Infinity' },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch {
    return undefined;
  }
}

const values = readOptions();
const first = Number(values?.seed);
const count = Number(values?.count);
const mostFailures = Number(values?.failures);

// The test that started it may have been killed. The channel to it keeps no process alive.
process.once('disconnect', () => process.exit(1));
process.channel?.unref();

if (!values || values.help || !Number.isInteger(first) || !(count >= 1) || !(mostFailures >= 1)) {
  console.error(USAGE);
  process.exitCode = values?.help ? 0 : 2;
} else {
  const started = Date.now();
  let steps = 0;
  let run = 0;
  let failures = 0;
  for (let seed = first; seed < first + count && failures < mostFailures; seed++) {
    run++;
    // All of a seed is one turn of the event loop.
    await turn();
    const outcome = await simulate(seed, values.trace ? console.log : undefined);
    steps += outcome.steps;
    if (outcome.violations.length === 0) continue;
    failures++;
    console.log(`seed ${seed} after ${outcome.steps} steps:`);
    for (const violation of outcome.violations) console.log(`  ${violation}`);
    if (!values.trace) console.log(`  again, with every step: npm run simulate -- --seed ${seed} --trace`);
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${run} seeds, ${steps} steps, ${failures} failed, ${seconds} s`);
  process.exitCode = failures > 0 ? 3 : 0;
}
