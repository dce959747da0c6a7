import { join } from 'node:path';
import type { Command } from 'commander';
import { stackDir } from '../../../deploy/local/paths.ts';
import { action, EXIT, wholeNumber } from '../../../ops/src/command.ts';
import { findPeak } from '../overload.ts';
import { keepAs } from '../results.ts';
import { runSoak } from '../soak.ts';
import { renderSoaks, type SoakResults } from '../soak-report.ts';
import { type FloodOptions, flooding, withLoaded } from './loaded.ts';

interface SoakOptions extends FloodOptions {
  minutes: number;
  peak?: number;
  coupons: number;
  reads: number;
}

/** Share of the highest rate of orders that holds. */
const SHARE = 0.6;

export function addSoak(program: Command): void {
  flooding(
    program
      .command('soak')
      .description(
        'orders at 60 % of the rate that holds, coupons and reads beside, for long: does it stay quick and small?',
      ),
  )
    .option('--minutes <n>', 'for how long', wholeNumber(1, 1_440), 30)
    .option('--peak <n>', 'orders a second that hold; without it they are searched for', wholeNumber(10, 20_000))
    .option('--coupons <n>', 'coupon requests a second beside', wholeNumber(1, 5_000), 20)
    .option('--reads <n>', 'reads a second beside', wholeNumber(1, 20_000), 100)
    .addHelpText(
      'after',
      '\nExample:\n  npm run bench -- soak --minutes 5 --peak 800\n\nExit codes: 0 done, 1 failed, 2 bad usage, 3 it did not stay so, or the audit found something.\n',
    )
    .action(
      action<SoakOptions>((output, options) =>
        withLoaded(output, options, async ({ target, loaded, stock, conclude }) => {
          const { minutes, coupons, reads, peak = await findPeak('orders', loaded, stock, output.say) } = options;
          const soak = await runSoak(
            loaded,
            stock,
            {
              peak,
              rates: { orders: Math.round(peak * SHARE), coupons, reads },
              minutes,
              kafkaLogs: join(stackDir(target.stack), 'kafka', 'logs'),
            },
            output.say,
          );
          const code = await conclude((about) =>
            keepAs<SoakResults>(
              'soak',
              { soaks: {} },
              ({ soaks }) => {
                soaks[`${minutes} minutes`] = { ...about, soak };
              },
              renderSoaks,
            ),
          );
          const { ok, p99, reasons } = soak.verdict;
          output.result(
            soak,
            ok ? `as at the beginning: p99 ${p99.first.toFixed(0)} → ${p99.last.toFixed(0)} ms` : reasons.join('\n'),
          );
          return ok ? code : EXIT.found;
        }),
      ),
    );
}
