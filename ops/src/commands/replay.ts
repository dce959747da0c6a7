import type { KafkaAdmin } from '@shop/events';
import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT, type ExitCode, moment, reason, wholeNumber } from '../command.ts';
import { connectKafka } from '../kafka-log.ts';
import { connectOwn } from '../own-schema.ts';
import { ask } from '../replay/ask.ts';
import type { ReplayContext, ReplayOptions } from '../replay/context.ts';
import { checkReason, readWish } from '../replay/options.ts';
import { planReplay } from '../replay/plan.ts';
import { rebuild } from '../replay/rebuild-command.ts';
import { planRecovery } from '../replay/recovery.ts';
import { renderPlan, renderRecovery, renderReplays } from '../replay/render.ts';
import { cancelReplay, inText, listReplays, parseRef, readReplay, replayRequest } from '../replay/requests.ts';
import { verdict } from '../replay/verdict.ts';
import { WishError } from '../replay/wish-error.ts';
import { connectSql } from '../sql.ts';

export function registerReplay(program: Command): void {
  addCommand(
    program,
    'replay',
    'delivers what is on the topics once more to one consumer group, which drops what it has applied',
    'replay --group payment --from 2h --reason "coupon orders were skipped until 10:00" --execute',
  )
    .option('--group <name>', 'the consumer group')
    .option('--topic <name>', 'only this topic')
    .option('--type <name>', 'only events of this type')
    .option('--key <key>', 'only this key: an order id, a user id')
    .option('--from <time>', 'a past time with its zone (2026-01-31T09:00:00Z) or an age (2h)', (text) => moment(text))
    .option('--to <time>', 'likewise; without, up to now', (text) => moment(text))
    .option('--rate <messages>', 'at most so many a second', wholeNumber(1, 100_000), 2_000)
    .option('--max-lag <messages>', 'pause while the group itself is further behind', wholeNumber(0, 10_000_000), 1_000)
    .option('--execute', 'do it; without, only say what would be done')
    .option('--reason <words>', 'why; kept in the history', reason)
    .option('--rebuild', 'of ranking: count everything anew beside what is shown, and swap')
    .option('--force', 'apply it although it was applied before (refused)')
    .option('--wait <seconds>', 'wait so long for the service to do it', wholeNumber(0, 86_400), 600)
    .option('--list', 'the latest replays and recoveries')
    .option('--cancel <id>', 'stop one, e.g. payment/3')
    .option('--recover <service>', 'what a start with RECOVERY=on would find; changes nothing')
    .action(
      action<ReplayOptions>(async (output, options) => {
        const addresses = readAddresses();
        const sql = await connectSql(addresses.auditDatabase);
        try {
          return await run({ addresses, sql, output, options });
        } catch (error) {
          if (!(error instanceof WishError)) throw error;
          output.say(error.message);
          return EXIT.usage;
        } finally {
          await sql.close();
        }
      }),
    );
}

async function run(context: ReplayContext): Promise<ExitCode> {
  const { options, output, sql } = context;
  const { group, list, cancel: ref, recover } = options;
  if ([group, list, ref, recover].filter(Boolean).length !== 1)
    throw new WishError('What? Give one of --group, --list, --cancel and --recover.');
  if (ref) return cancel(context, ref);
  if (list) {
    const replays = await listReplays(sql, 50);
    output.result(replays, replays.length === 0 ? 'no replays yet' : renderReplays(replays));
    return EXIT.done;
  }
  return withLog(context, (log) => (recover ? planARecovery(context, log, recover) : replay(context, log)));
}

async function withLog<T>({ addresses }: ReplayContext, work: (log: KafkaAdmin) => Promise<T>): Promise<T> {
  const log = await connectKafka(addresses.brokers);
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

async function replay(context: ReplayContext, log: KafkaAdmin): Promise<ExitCode> {
  const { options, output, sql } = context;
  if (options.rebuild) return await rebuild(context, log);
  const wish = readWish(options);
  if (options.force)
    throw new WishError(
      `--force is refused for ${wish.group.group}: its effects would add up. Without it what was applied is dropped, and only what is missing is applied.`,
    );
  checkReason(options);
  const plan = await planReplay(log, sql, wish, options.rate);
  const text = renderPlan(plan, options.rate);
  if (plan.messages === 0 || !options.execute) {
    output.result({ plan: { ...plan, ranges: inText(plan.ranges) } }, text);
    if (plan.messages > 0) output.say('Nothing was changed. Repeat with --execute and --reason to do it.');
    return EXIT.done;
  }
  output.say(text);
  return verdict(output, await ask(context, wish.group.service, replayRequest(wish, plan)));
}

async function cancel({ output, sql, addresses }: ReplayContext, ref: string): Promise<ExitCode> {
  const { service, id } = parseRef(ref);
  await readReplay(sql, ref);
  const connection = await connectOwn(sql, addresses, service);
  try {
    const wasOpen = await cancelReplay(connection, id);
    const now = await readReplay(sql, ref);
    output.result(now, renderReplays([now]));
    if (wasOpen) return EXIT.done;
    output.say(`${ref} is ${now.status}: there is nothing to cancel.`);
    return EXIT.failed;
  } finally {
    await connection.close();
  }
}

async function planARecovery(
  { output, sql, options }: ReplayContext,
  log: KafkaAdmin,
  name: string,
): Promise<ExitCode> {
  if (!options.from) throw new WishError('From when? Give --from a time before the backup was taken.');
  const plan = await planRecovery(log, sql, name, options.from);
  output.result(plan, renderRecovery(plan));
  if (plan.gone.length === 0) return EXIT.done;
  output.say(`It would refuse: the topics do not hold all since then: ${plan.gone.join('; ')}`);
  return EXIT.found;
}
