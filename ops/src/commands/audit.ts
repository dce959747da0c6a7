import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { openAudit } from '../audit/index.ts';
import { renderAudit } from '../audit/report.ts';
import { action, addCommand, EXIT, moment, wholeNumber } from '../command.ts';

interface Options {
  since?: Date;
  grace: number;
  deadline: number;
  json?: boolean;
}

export function registerAudit(program: Command): void {
  addCommand(
    program,
    'audit',
    'check the invariants of ARCHITECTURE.md over all schemas and topics; exit 3 if one does not hold',
    'audit --since 1h',
  )
    .option(
      '--since <time>',
      'leave out what began before: 2026-01-31T09:00:00Z (with its zone), or an age such as 90s, 15m, 2h, 1d',
      (text) => moment(text),
    )
    .option(
      '--grace <seconds>',
      'look again after so long at what seems wrong; 0 for an idle system',
      wholeNumber(0, 600),
      5,
    )
    .option(
      '--deadline <seconds>',
      'how long an order may be PENDING: ORDER_DEADLINE_MS and some seconds',
      wholeNumber(1, 86_400),
      35,
    )
    .action(
      action<Options>(async (output, { since, grace, deadline }) => {
        const session = await openAudit(readAddresses());
        try {
          output.say(
            `auditing ${since ? `what began after ${since.toISOString()}` : 'everything'}; what seems wrong is looked at again after ${grace} s`,
          );
          const report = await session.audit({
            ...(since && { since }),
            graceMs: grace * 1_000,
            deadlineMs: deadline * 1_000,
          });
          output.result(report, renderAudit(report));
          if (report.state === 'NOTHING_TO_CHECK')
            output.say('Nothing was checked: this says neither that all is well nor that something is wrong.');
          return report.ok ? EXIT.done : EXIT.found;
        } finally {
          await session.close();
        }
      }),
    );
}
