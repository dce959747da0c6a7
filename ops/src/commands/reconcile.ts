import { type Command, InvalidArgumentError } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT } from '../command.ts';
import type { Findings } from '../reconcile/reconciler.ts';
import { RECONCILERS } from '../reconcile/reconcilers.ts';

interface Options {
  execute?: boolean;
  only?: string;
  json?: boolean;
}

export function registerReconcile(program: Command): void {
  const names = RECONCILERS.map((it) => it.name);
  addCommand(
    program,
    'reconcile',
    'make Redis equal to MySQL where it differs: says what it would do, and does it with --execute',
    'reconcile --only coupons --execute',
  )
    .option('--execute', 'do it; without, only say what differs')
    .option('--only <part>', `one part: ${names.join(', ')}`, (text) => {
      if (!names.includes(text)) throw new InvalidArgumentError(`It must be one of ${names.join(', ')}.`);
      return text;
    })
    .action(
      action<Options>(async (output, { execute = false, only }) => {
        const addresses = readAddresses();
        const results: ({ readonly name: string; readonly executed: boolean } & Findings)[] = [];
        for (const reconciler of RECONCILERS.filter((it) => only === undefined || it.name === only)) {
          const findings = await (execute ? reconciler.execute(addresses) : reconciler.plan(addresses));
          results.push({ name: reconciler.name, executed: execute, ...findings });
        }
        const differences = results.reduce((sum, it) => sum + it.differences.length, 0);
        output.result(
          results,
          results.map(({ name, compared, differences }) => render(name, compared, differences)).join('\n'),
        );
        if (differences > 0 && !execute) output.say('Nothing was changed. Repeat with --execute to mend it.');
        return differences > 0 && !execute ? EXIT.found : EXIT.done;
      }),
    );
}

function render(name: string, compared: string, differences: readonly string[]): string {
  if (differences.length === 0) return `${name}: ${compared}, all equal`;
  return [`${name}: ${compared}, ${differences.length} differ`, ...differences.map((it) => `  ${it}`)].join('\n');
}
