import type { Command } from 'commander';
import { renderAudit } from '../../../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { type DeliveryRun, phases, runPhase } from '../delivery.ts';
import { type DeliveryResults, renderDeliveryReport } from '../delivery-report.ts';
import { readMachine } from '../machine.ts';
import { openShop } from '../orders.ts';
import { profileOf } from '../profiles.ts';
import { keepAs } from '../results.ts';
import type { Target } from '../stack.ts';
import { circumstances, type Options, shared, withTarget } from './shared.ts';

interface DeliveryOptions extends Options {
  rate: number;
  seconds: number;
}

/** Warm-up before the measurement: orders a second, seconds. */
const WARM_UP = [200, 15] as const;

export function addDelivery(program: Command): void {
  shared(program.command('delivery').description('orders while the data platform hangs, is gone, and comes back'))
    .option('--rate <n>', 'orders a second', wholeNumber(1, 5_000), 500)
    .option('--seconds <n>', 'how long each load is measured', wholeNumber(5, 600), 120)
    .addHelpText('after', '\nExample:\n  npm run bench -- delivery --rate 300 --seconds 30\n')
    .action(
      action<DeliveryOptions>((output, options) =>
        withTarget(output, options, (target) => delivery(output, options, target)),
      ),
    );
}

async function delivery(output: Output, options: DeliveryOptions, target: Target): Promise<ExitCode> {
  const { rate, seconds, instances } = options;
  const planned = phases(target);
  const machine = readMachine();
  const shop = await openShop(target, output.say);
  try {
    await shop.run(profileOf(1, false), ...WARM_UP);
    const runs: DeliveryRun[] = [];
    for (const phase of planned) {
      output.say(`\nthe data platform is ${phase.title}`);
      runs.push(await runPhase(shop, phase, { rate, seconds, platformUrl: target.addresses.dataPlatform }));
    }
    const audit = await shop.audit();
    output.say(renderAudit(audit));
    const compared = audit.findings.filter(({ invariant, checked }) => invariant === 11 && checked > 0);
    if (compared.length === 0) throw new Error('the audit could not ask the data platform what it has');
    const result = { ...circumstances(target, machine, options, audit), runs };
    if (options.report) {
      const path = keepAs<DeliveryResults>(
        'delivery',
        { results: {} },
        (all) => {
          all.results[`${rate}, ${instances}`] = result;
        },
        renderDeliveryReport,
      );
      output.say(`written: ${path}`);
    }
    output.result(
      result,
      runs.map(({ title, orders }) => `${title}: answer p95 ${orders.load.answer.p95.toFixed(0)} ms`).join('\n'),
    );
    return audit.ok && runs.every(({ orders }) => orders.held) ? EXIT.done : EXIT.found;
  } finally {
    await shop.close();
  }
}
