import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT, table } from '../command.ts';
import { examine } from '../doctor/checks.ts';

export function registerDoctor(program: Command): void {
  addCommand(
    program,
    'doctor',
    'connections, migrations, topics, groups, schemas and clocks: what is wrong, and the mend; exit 3 if something is',
    'doctor',
  ).action(
    action(async (output) => {
      const diagnoses = await examine(readAddresses());
      const wrong = diagnoses.filter((it) => it.wrong !== undefined);
      const rows = diagnoses.map((it) => [
        it.wrong === undefined ? 'ok' : 'WRONG',
        it.what,
        it.wrong ?? it.detail ?? '',
      ]);
      const mends = wrong.map((it) => `  ${it.what}: ${it.mend ?? 'no mend is known'}`);
      output.result(diagnoses, [table(rows), ...(mends.length > 0 ? ['', 'The mend:', ...mends] : [])].join('\n'));
      return wrong.length > 0 ? EXIT.found : EXIT.done;
    }),
  );
}
