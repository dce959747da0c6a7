import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, duration, EXIT, type ExitCode, type Output, reason, table } from '../command.ts';
import { readRefusedEvent, readWaitingTopics } from '../outbox/read.ts';
import { setAside } from '../outbox/set-aside.ts';
import { connectOwn } from '../own-schema.ts';
import { connectSql } from '../sql.ts';
import { readInstances } from '../status/read.ts';
import { withClosing } from '../with-closing.ts';

export function registerOutbox(program: Command): void {
  const group = program.command('outbox').description('events that wait to be sent, and what the broker refuses');

  addCommand(
    group,
    'list',
    'waiting events by service and topic; exit 3 if the broker refuses some',
    'outbox list',
  ).action(action((output) => list(output)));

  addCommand(
    group,
    'set-aside <id>',
    'never send one that the broker refuses; what waits behind it is then sent',
    'outbox set-aside catalog/12 --reason "larger than any topic may take" --execute',
  )
    .requiredOption('--reason <words>', 'why; kept with it, and told by the audit', reason)
    .option('--execute', 'do it; without, only say what would be done')
    .action(
      action<{ json?: boolean; reason: string; execute?: boolean }>((output, options, ref) =>
        putAside(output, ref ?? '', options.reason, options.execute ?? false),
      ),
    );
}

async function list(output: Output): Promise<ExitCode> {
  const addresses = readAddresses();
  const instances = await readInstances(addresses);
  const topics = await withClosing(
    () => connectSql(addresses.auditDatabase),
    (sql) => readWaitingTopics(sql, instances),
  );
  const rows = topics.map((it) => [
    it.service,
    it.topic,
    it.waiting,
    duration(Math.max(0, Date.now() - it.oldest.getTime())),
    it.refused ? `refused: ${it.refused}` : '',
    it.first.join(', '),
  ]);
  const head = ['outbox', 'topic', 'waiting', 'oldest', '', 'first of their keys'];
  output.result(topics, topics.length === 0 ? 'nothing waits' : table([head, ...rows]));
  return topics.some((it) => it.refused) ? EXIT.found : EXIT.done;
}

async function putAside(output: Output, ref: string, reason: string, execute: boolean): Promise<ExitCode> {
  const addresses = readAddresses();
  return await withClosing(
    () => connectSql(addresses.auditDatabase),
    async (sql) => {
      const { event, refusal } = await readRefusedEvent(sql, () => readInstances(addresses), ref);
      const { service, topic, type, key, bytes } = event;
      const what = `${ref}, ${type} of ${key || '(no key)'}, ${bytes} bytes, refused by ${topic}: ${refusal}`;
      if (!execute) {
        output.result({ plan: event }, `would set aside, never to be sent: ${what}`);
        output.say('Nothing was changed. Repeat with --execute to do it.');
        return EXIT.done;
      }
      const isDone = await withClosing(
        () => connectOwn(sql, addresses, service),
        (own) => setAside(own, event, refusal, reason),
      );
      output.result({ ...event, setAside: isDone }, isDone ? `set aside: ${what}` : `${ref} was sent meanwhile`);
      return isDone ? EXIT.done : EXIT.failed;
    },
  );
}
