import type { Command } from 'commander';
import { action, wholeNumber } from '../../../ops/src/command.ts';
import { loadDemo } from '../../../ops/src/demo/load.ts';
import { productsInStock } from '../orders.ts';
import { countBacklog, runPopular } from '../ranking.ts';
import { measureRequests, type RateOptions, withRates, withTarget } from './shared.ts';

interface RankingOptions extends RateOptions {
  orders: number;
  backlog: number;
}

const USERS = 1_000;
/** Points for each user, in won: no order must fail for points. */
const POINTS = 10_000_000;
/** Warm-up before the measurement: requests a second, seconds. */
const WARM_UP = [300, 5] as const;

const METHOD = [
  '200 is right. Orders complete meanwhile at their own rate, sent by a generator of its own; *completed → counted* is from the order row to the inbox row that the ranking writes with its totals.',
  'The backlog: the ranking is stopped, orders complete, it starts again and counts them.',
];

export function addRanking(program: Command): void {
  withRates(
    program
      .command('ranking')
      .description('popular products asked for while orders complete; how quickly they are counted'),
    'requests',
    1_000,
  )
    .option('--orders <n>', 'orders a second beside the requests', wholeNumber(1, 5_000), 100)
    .option(
      '--backlog <n>',
      'orders that complete while the ranking is stopped; 0 leaves it out',
      wholeNumber(0, 1_000_000),
      5_000,
    )
    .addHelpText('after', '\nExample:\n  npm run bench -- ranking --orders 200 --rate 1000\n')
    .action(
      action<RankingOptions>((output, options) =>
        withTarget(output, options, (target) =>
          measureRequests(
            output,
            options,
            target,
            { name: 'ranking', heading: 'Ranking under load', method: METHOD },
            async (session) => {
              const { gateway } = target.addresses;
              await loadDemo({
                addresses: target.addresses,
                users: USERS,
                amount: POINTS,
                keyPrefix: 'bench',
                onProgress: output.say,
              });
              const sales = { users: USERS, products: await productsInStock(gateway), rate: options.orders };
              const { pause } = target;
              if (!pause && options.backlog > 0)
                output.say('the backlog is left out: the ranking of a running stack is not ours to stop');
              await runPopular(target, session, sales, ...WARM_UP, output.say);
              return {
                loads: [
                  {
                    name: `popular beside ${options.orders} orders`,
                    title: `GET /products/popular beside ${options.orders} orders/s`,
                    run: (rate, seconds) => runPopular(target, session, sales, rate, seconds, output.say),
                  },
                ],
                more: async () =>
                  pause && options.backlog > 0
                    ? await countBacklog(target, session, sales, options.backlog, () => pause('ranking'))
                    : [],
              };
            },
          ),
        ),
      ),
    );
}
