import type { Command } from 'commander';
import { keepsBinaryLog } from '../../../deploy/local/parts/mysql.ts';
import { action, EXIT, type ExitCode, type Output, wholeNumber } from '../../../ops/src/command.ts';
import { measureIdleLatency } from '../idle-latency.ts';
import { readMachine } from '../machine.ts';
import { openShop, type Shop } from '../orders.ts';
import { keepResults } from '../report.ts';
import type { Target } from '../stack.ts';
import { commandLine, type Options, shared, withTarget } from './shared.ts';

interface LatencyOptions extends Options {
  orders: number;
}

export function addLatency(program: Command): void {
  shared(program.command('latency').description('one order after the other on an idle system: order → COMPLETED'))
    .option('--orders <n>', 'how many', wholeNumber(10, 100_000), 500)
    .addHelpText('after', '\nExample:\n  npm run bench -- latency --instances 2\n')
    .action(
      action<LatencyOptions>((output, options) =>
        withTarget(output, options, async (target) => {
          const shop = await openShop(target, output.say);
          return await latency(output, options, shop, target).finally(() => shop.close());
        }),
      ),
    );
}

async function latency(output: Output, options: LatencyOptions, shop: Shop, target: Target): Promise<ExitCode> {
  const machine = readMachine();
  await shop.session.waitUntilIdle();
  const measured = await measureIdleLatency(target.addresses.gateway, shop.session.sql, options.orders);
  const result = {
    command: commandLine(),
    machine,
    target: target.description,
    binlog: keepsBinaryLog(),
    instances: options.instances,
    latency: measured,
  };
  if (options.report)
    output.say(
      `written: ${keepResults((all) => {
        all.latency[String(options.instances)] = result;
      })}`,
    );
  const { answer, toCompleted, failures } = measured;
  output.result(
    result,
    `answer p50 ${answer.p50.toFixed(1)} p95 ${answer.p95.toFixed(1)} ms; order → completed p50 ${toCompleted.p50.toFixed(0)} p95 ${toCompleted.p95.toFixed(0)} ms; ${failures} failed`,
  );
  return failures === 0 ? EXIT.done : EXIT.found;
}
