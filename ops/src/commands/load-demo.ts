import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, duration, EXIT, wholeNumber } from '../command.ts';
import { DEMO_POLICY, loadDemo } from '../demo/load.ts';
import { DEMO_PRODUCTS } from '../demo/products.ts';

export function registerLoadDemo(program: Command): void {
  addCommand(
    program,
    'load-demo',
    'demo data: 100 products, 10,000 users with points, coupon policy 1',
    'load-demo --execute',
  )
    .option('--execute', 'do it; without, only say what would be done')
    .option('--users <n>', 'users 1 … n get points', wholeNumber(1, 1_000_000), 10_000)
    .option('--amount <won>', 'points for each', wholeNumber(1, 10_000_000), 1_000_000)
    .action(
      action<{ execute?: boolean; users: number; amount: number; json?: boolean }>(
        async (output, { execute, users, amount }) => {
          const addresses = readAddresses();
          const plan = { products: DEMO_PRODUCTS.length, users, amount, couponPolicy: DEMO_POLICY };
          if (!execute) {
            output.result(
              { plan },
              `would create ${plan.products} products and coupon policy 1, and charge ${amount} won to each of ${users} users`,
            );
            output.say('Nothing was changed. Repeat with --execute to do it; what is there already is left as it is.');
            return EXIT.done;
          }
          const result = await loadDemo({ addresses, users, amount, onProgress: output.say });
          output.result(
            result,
            result.skipped
              ? 'the demo data is there already'
              : `${result.products} products, ${result.charges} charged users and ${result.couponPolicies} coupon policies in ${duration(result.durationMs)}`,
          );
          return EXIT.done;
        },
      ),
    );
}
