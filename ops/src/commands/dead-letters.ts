import type { Command } from 'commander';
import { type Addresses, readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT, type ExitCode, type Output, reason, table, wholeNumber } from '../command.ts';
import {
  type DeadLetter,
  groupDeadLetters,
  hasLetters,
  readBehind,
  readDeadLetter,
  readDeadLetters,
  readMessage,
  type Status,
} from '../dead-letters/read.ts';
import { requestDiscard, requestRedrive } from '../dead-letters/resolve.ts';
import type { PermitWish } from '../dead-letters/set-aside.ts';
import { decodePayload } from '../decode.ts';
import { groupNamed } from '../replay/options.ts';
import { WishError } from '../replay/wish-error.ts';
import { connectSql, type SqlConnection, type SqlReader } from '../sql.ts';
import { type ChangeOptions, change, deadOnly, requestOf } from './dead-letters-change.ts';
import { setAside } from './dead-letters-set-aside.ts';

// One function: it is the table of the subcommands with their options.
export function registerDeadLetters(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('messages that could not be applied, and what is parked behind them');

  addCommand(group, 'list', 'counts by consumer, type and error; exit 3 if there are any', 'dead-letters list')
    .option('--group <name>', 'of one consumer group')
    .action(
      action<{ group?: string; json?: boolean }>((output, options) =>
        withSql(output, async (sql) => list(sql, output, options.group)),
      ),
    );

  addCommand(
    group,
    'show <id>',
    'one of them: headers, data, error and what waits behind it',
    'dead-letters show payment/12',
  ).action(action((output, _, ref) => withSql(output, (sql, addresses) => show(sql, addresses, output, ref ?? ''))));

  changing(
    addCommand(
      group,
      'redrive [id]',
      'let the service handle it again, then what waits behind it',
      'dead-letters redrive payment/12 --execute',
    ),
  )
    .option('--group <name>', 'all dead letters of a consumer group')
    .option('--all', 'all dead letters of every group')
    .action(
      action<ChangeOptions & { group?: string; all?: boolean }>((output, options, ref) =>
        withSql(output, async (sql, addresses) => {
          if ([ref, options.group, options.all].filter(Boolean).length !== 1) {
            output.say('Which? Give one id, or --group, or --all.');
            return EXIT.usage;
          }
          const chosen = ref ? [await readDeadLetter(sql, ref)] : await redrivable(sql, options);
          return await change(sql, output, options, await deadOnly(sql, chosen), {
            verb: 'redrive',
            request: (letters) => requestOf({ sql, addresses }, letters, requestRedrive),
          });
        }),
      ),
    );

  changing(
    addCommand(
      group,
      'discard <id>',
      'give it up for good; what waits behind it is then applied',
      'dead-letters discard payment/12 --reason "test order" --execute',
    ),
  )
    .requiredOption('--reason <words>', 'why; kept with it', reason)
    .action(
      action<ChangeOptions & { reason: string }>((output, options, ref) =>
        withSql(output, async (sql, addresses) => {
          const chosen = await deadOnly(sql, [await readDeadLetter(sql, ref ?? '')]);
          const discard = (service: SqlConnection, letter: DeadLetter) =>
            requestDiscard(service, letter, options.reason);
          return await change(sql, output, options, chosen, {
            verb: 'discard',
            request: (letters) => requestOf({ sql, addresses }, letters, discard),
          });
        }),
      ),
    );

  registerSetAside(group);
}

function registerSetAside(group: Command): void {
  changing(
    addCommand(
      group,
      'set-aside',
      'let a halted partition set aside the messages it cannot take, though they are too many',
      'dead-letters set-aside --group payment --topic order-events --partition 3 --reason "orders of a bad import" --execute',
    ),
  )
    .requiredOption('--group <name>', 'the consumer group')
    .option('--topic <name>', 'only of this topic')
    .option('--partition <number>', 'only of this partition of the topic', wholeNumber(0, 10_000))
    .option('--most <number>', 'at most so many messages', wholeNumber(1, 100_000), 1_000)
    .option('--minutes <number>', 'the permit ends after so long', wholeNumber(1, 1_440), 10)
    .requiredOption('--reason <words>', 'why; kept with it', reason)
    .action(
      action<ChangeOptions & Omit<PermitWish, 'topic' | 'partition'> & { topic?: string; partition?: number }>(
        (output, options) => {
          const { group: name, topic, partition, most, minutes, reason: why } = options;
          const wish = { group: name, topic, partition, most, minutes, reason: why };
          return withSql(output, (sql, addresses) => setAside(sql, addresses, output, wish, options));
        },
      ),
    );
}

function changing(command: Command): Command {
  return command
    .option('--execute', 'do it; without, only say what would be done')
    .option('--wait <seconds>', 'wait so long for the service to act', wholeNumber(0, 3_600), 30);
}

async function withSql(
  output: Output,
  work: (sql: SqlConnection, addresses: Addresses) => Promise<ExitCode>,
): Promise<ExitCode> {
  const addresses = readAddresses();
  const sql = await connectSql(addresses.auditDatabase);
  try {
    return await work(sql, addresses);
  } catch (error) {
    if (!(error instanceof WishError)) throw error;
    output.say(error.message);
    return EXIT.usage;
  } finally {
    await sql.close();
  }
}

/** The DEAD letters of every group, or of the one that is named. @throws WishError when there is no such group */
export async function redrivable(sql: SqlReader, { group }: { readonly group?: string | undefined }) {
  return await readLetters(sql, ['DEAD'], group);
}

/** @throws WishError when there is no such group; one that is retired is known as long as it has a letter */
async function readLetters(sql: SqlReader, statuses: readonly Status[], group: string | undefined) {
  const letters = await readDeadLetters(sql, statuses, { group });
  if (letters.length === 0 && group !== undefined && !(await hasLetters(sql, group))) groupNamed(group);
  return letters;
}

/** Lists open letters, those that fail alike in one line. @throws WishError when there is no such group */
export async function list(sql: SqlReader, output: Output, group: string | undefined): Promise<ExitCode> {
  const groups = groupDeadLetters(await readLetters(sql, ['DEAD', 'PARKED', 'REDRIVE'], group));
  const rows = groups.map((it) => [
    it.group,
    it.type,
    it.dead,
    it.parked,
    it.redriving,
    it.oldest.toISOString(),
    `${it.reason}: ${it.error}`,
    it.examples.join(' '),
  ]);
  const head = ['consumer', 'type', 'dead', 'parked', 'redriving', 'oldest', 'error', 'ids'];
  output.result(groups, groups.length === 0 ? 'no dead letters' : table([head, ...rows]));
  return groups.length === 0 ? EXIT.done : EXIT.found;
}

async function show(sql: SqlConnection, addresses: Addresses, output: Output, ref: string): Promise<ExitCode> {
  const letter = await readDeadLetter(sql, ref);
  const { payload, headers } = await readMessage(sql, letter);
  const decoded = await decodePayload(addresses.registry, payload);
  const behind = await readBehind(sql, letter);
  const text = [
    `${letter.ref}  ${letter.status}  ${letter.type ?? '(unreadable)'} of key ${letter.key ?? '(none)'}, consumer ${letter.group}`,
    `at       ${letter.topic}/${letter.partition}@${letter.offset}, failed ${letter.failedAt.toISOString()} after ${letter.attempts} attempts`,
    `reason   ${letter.reason}${letter.error ? `: ${letter.error}` : ''}`,
    ...(letter.resolution ? [`resolved ${letter.resolvedAt?.toISOString() ?? ''}: ${letter.resolution}`] : []),
    'headers',
    table(Object.entries(headers), '  '),
    'error' in decoded
      ? `data     not readable: ${decoded.error}`
      : `data     ${decoded.record}\n${JSON.stringify(decoded.data, null, 2)}`,
    behind.length === 0 ? 'nothing is parked behind it' : `${behind.length} parked behind it`,
    table(
      behind.map((each) => [
        each.ref,
        each.type ?? '(unreadable)',
        `${each.topic}/${each.partition}@${each.offset}`,
        each.failedAt.toISOString(),
      ]),
      '  ',
    ),
  ];
  output.result({ ...letter, headers, decoded, behind }, text.filter(Boolean).join('\n'));
  return EXIT.done;
}
