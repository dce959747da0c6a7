import { type Command, Option } from 'commander';
import { action } from '../../../ops/src/command.ts';
import { COUPON_LOADS, type CouponLoad, openCoupons } from '../coupons.ts';
import type { Target } from '../stack.ts';
import { measureRequests, type RateOptions, withAuth, withRates, withTarget } from './shared.ts';

interface CouponOptions extends RateOptions {
  load?: CouponLoad['name'];
  async?: boolean;
  direct?: boolean;
}

/** Warm-up before the measurement: requests a second, seconds. */
const WARM_UP = [300, 5] as const;

const METHOD = [
  'Each load has a policy of its own. *Issued*: as many coupons as requests, each request of another user, 200 is right; afterwards each coupon that was answered must be a row in MySQL.',
  '*Sold out*: the only coupon is taken before, 409 COUPON_SOLD_OUT is right. *Log first*: 202 is right; how far the issue lags behind is read from the rows of the requests.',
];

function wayOf(direct: boolean, { auth }: Target): { name: string; title: string } {
  if (direct) return { name: ' direct', title: ', past the gateway' };
  return auth ? { name: ' auth', title: ', with tokens' } : { name: '', title: '' };
}

export function addCoupons(program: Command): void {
  withAuth(withRates(program.command('coupons').description('an open-loop load of coupon requests'), 'requests', 1_000))
    .addOption(
      new Option('--load <name>', 'one of the loads; all without it').choices(COUPON_LOADS.map(({ name }) => name)),
    )
    .option('--async', 'the log-first way only: --load async')
    .option('--direct', 'past the gateway, to the coupon service itself')
    .addHelpText(
      'after',
      '\nExamples:\n  npm run bench -- coupons\n  npm run bench -- coupons --load sold-out --direct --rate 4000\n',
    )
    .action(
      action<CouponOptions>((output, options) =>
        withTarget(output, options, (target) => {
          const { direct = false } = options;
          const { name: suffix, title: words } = wayOf(direct, target);
          const only = options.async ? 'async' : options.load;
          return measureRequests(
            output,
            options,
            target,
            { name: 'coupons', heading: 'Coupons under load', method: METHOD },
            async (session) => {
              const coupons = openCoupons(target, session, direct, output.say);
              const loads = COUPON_LOADS.filter(({ name }) => only === undefined || name === only);
              output.say(`warming up for ${loads.length * WARM_UP[1]} s`);
              for (const load of loads) await coupons.run(load, ...WARM_UP);
              return {
                loads: loads.map((load) => ({
                  name: `${load.name}${suffix}`,
                  title: `${load.title}${words}`,
                  run: (rate, seconds) => coupons.run(load, rate, seconds),
                })),
              };
            },
          );
        }),
      ),
    );
}
