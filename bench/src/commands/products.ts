import { type Command, Option } from 'commander';
import { action } from '../../../ops/src/command.ts';
import { loadDemo } from '../../../ops/src/demo/load.ts';
import { READ_LOADS, type ReadLoad, runReads, sellSome } from '../products.ts';
import { measureRequests, type RateOptions, withRates, withTarget } from './shared.ts';

interface ProductOptions extends RateOptions {
  load?: ReadLoad['name'];
}

const USERS = 100;
/** Points for each user, in won: orders placed beforehand must not fail for points. */
const POINTS = 10_000_000;
/** Warm-up before the measurement: requests a second, seconds. */
const WARM_UP = [300, 5] as const;

const METHOD = [
  '200 is right. The catalog has the 100 products of the demo data, and some of many were sold before, so that there are popular ones.',
];

export function addProducts(program: Command): void {
  withRates(
    program.command('products').description('an open-loop load of reads through the gateway'),
    'requests',
    1_000,
  )
    .addOption(
      new Option('--load <name>', 'one of the loads; all without it').choices(READ_LOADS.map(({ name }) => name)),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- products\n  npm run bench -- products --load popular --rate 2000\n',
    )
    .action(
      action<ProductOptions>((output, options) =>
        withTarget(output, options, (target) =>
          measureRequests(
            output,
            options,
            target,
            { name: 'products', heading: 'Products under load', method: METHOD },
            async (session) => {
              await loadDemo({
                addresses: target.addresses,
                users: USERS,
                amount: POINTS,
                keyPrefix: 'bench',
                onProgress: output.say,
              });
              await sellSome(target, session, USERS);
              const loads = READ_LOADS.filter(({ name }) => options.load === undefined || name === options.load);
              for (const load of loads) await runReads(target, load, ...WARM_UP, output.say);
              return {
                loads: loads.map((load) => ({
                  ...load,
                  run: (rate, seconds) => runReads(target, load, rate, seconds, output.say),
                })),
              };
            },
          ),
        ),
      ),
    );
}
