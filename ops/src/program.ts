import { Command } from 'commander';
import { registerAudit } from './commands/audit.ts';
import { registerBackup } from './commands/backup.ts';
import { registerCaller } from './commands/caller.ts';
import { registerDeadLetters } from './commands/dead-letters.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerLoadDemo } from './commands/load-demo.ts';
import { registerOrder } from './commands/order.ts';
import { registerOutbox } from './commands/outbox.ts';
import { registerReconcile } from './commands/reconcile.ts';
import { registerReplay } from './commands/replay.ts';
import { registerRepublish } from './commands/republish.ts';
import { registerRestore } from './commands/restore.ts';
import { registerStatus } from './commands/status.ts';
import { registerTopics } from './commands/topics.ts';

/** The command line of an operator, with all its commands. */
export function createProgram(): Command {
  const program = new Command('npm run ops --')
    .description(
      'What an operator of the shop has. Results on stdout, words on stderr. Exit: 0 done, 1 failed, 2 bad usage, 3 found something wrong.',
    )
    .addHelpText(
      'after',
      '\nAddresses come from GATEWAY_URLS, ORDER_URLS, CATALOG_URLS, PAYMENT_URLS, AUDIT_DATABASE_URL, ORDER_DATABASE_URL …, KAFKA_BROKERS,\nREDIS_URL, SCHEMA_REGISTRY_URL and INTERNAL_KEYS; without them from the local stack, moved by SHOP_PORT_OFFSET.',
    );

  registerStatus(program);
  registerDoctor(program);
  registerOrder(program);
  registerAudit(program);
  registerDeadLetters(program);
  registerOutbox(program);
  registerTopics(program);
  registerReconcile(program);
  registerReplay(program);
  registerRepublish(program);
  registerBackup(program);
  registerRestore(program);
  registerLoadDemo(program);
  registerCaller(program);
  return program;
}
