import { Command } from 'commander';
import { runProgram } from './src/command.ts';
import { registerAudit } from './src/commands/audit.ts';
import { registerBackup } from './src/commands/backup.ts';
import { registerCaller } from './src/commands/caller.ts';
import { registerDeadLetters } from './src/commands/dead-letters.ts';
import { registerDoctor } from './src/commands/doctor.ts';
import { registerLoadDemo } from './src/commands/load-demo.ts';
import { registerOrder } from './src/commands/order.ts';
import { registerOutbox } from './src/commands/outbox.ts';
import { registerReconcile } from './src/commands/reconcile.ts';
import { registerReplay } from './src/commands/replay.ts';
import { registerRepublish } from './src/commands/republish.ts';
import { registerRestore } from './src/commands/restore.ts';
import { registerStatus } from './src/commands/status.ts';
import { registerTopics } from './src/commands/topics.ts';

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

await runProgram(program, process.argv);
