import type { Command } from 'commander';
import { renderAudit } from '../../../ops/src/audit/index.ts';
import { EXIT, type ExitCode, type Output } from '../../../ops/src/command.ts';
import { openGenerator } from '../flood/run.ts';
import { createPolicies } from '../flood/shop.ts';
import type { Loaded } from '../flood/trial.ts';
import { readMachine } from '../machine.ts';
import { openShop, productsInStock } from '../orders.ts';
import type { Shop } from '../overload.ts';
import type { Target } from '../stack.ts';
import { asEnv, assignment, circumstances, type Options, shared, withTarget } from './shared.ts';

export interface FloodOptions extends Options {
  with: string[];
}

/** The options of a command that floods a shop. */
export function flooding(command: Command): Command {
  return shared(command).option('--with <NAME=value>', 'for every server and service; may be repeated', assignment, []);
}

/** A shop under load, and the tools to judge it afterwards. */
export interface Site {
  readonly target: Target;
  readonly loaded: Loaded;
  readonly stock: Shop;
  /** Audits and keeps the result with circumstances and verdict. @param keep writes the report and returns its path */
  conclude(keep: (about: ReturnType<typeof circumstances>) => string): Promise<ExitCode>;
}

export function withLoaded(
  output: Output,
  options: FloodOptions,
  work: (site: Site) => Promise<ExitCode>,
): Promise<ExitCode> {
  // Set in this process too, since it starts the servers.
  Object.assign(process.env, asEnv(options.with));
  return withTarget(
    output,
    options,
    async (target) => {
      if (target.auth)
        throw new Error('the stack that runs wants tokens: leave out --use-running, or GATEWAY_AUTH=off');
      const machine = readMachine();
      const shop = await openShop(target, output.say);
      const generator = openGenerator();
      try {
        const { gateway } = target.addresses;
        const loaded: Loaded = {
          gateway,
          processes: target.processes,
          sql: shop.session.sql,
          generator,
          idle: (timeoutMs) => shop.session.waitUntilIdle({ timeoutMs }),
        };
        const stock = {
          products: await productsInStock(gateway),
          policies: (requests: number) => createPolicies(target.addresses, requests),
        };
        return await work({
          target,
          loaded,
          stock,
          async conclude(keep) {
            const audit = await shop.audit();
            output.say(renderAudit(audit));
            const about = circumstances(target, machine, options, audit);
            if (options.report) output.say(`written: ${keep(about)}`);
            return audit.ok ? EXIT.done : EXIT.found;
          },
        });
      } finally {
        generator.close();
        await shop.close();
      }
    },
    asEnv(options.with),
  );
}
