import { createCodec, createKafkaAdmin, type KafkaAdmin } from '@shop/events';
import type { Command } from 'commander';
import type { Group } from '../../../services/groups.ts';
import { type Addresses, readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT, type ExitCode, moment, type Output, reason, wholeNumber } from '../command.ts';
import { isInUse, lostGroups } from '../lost-places.ts';
import { groupNamed } from '../replay/options.ts';
import { WishError } from '../replay/wish-error.ts';
import { bring, waitForBrought } from '../republish/bring.ts';
import { findMissed, type GroupPlan, oldestKnown, partlyKnown } from '../republish/missed.ts';
import { planInText, renderPlans } from '../republish/render.ts';
import { connectSql, type SqlConnection } from '../sql.ts';
import { withClosing } from '../with-closing.ts';

interface Options {
  json?: boolean;
  group?: string;
  from?: Date;
  execute?: boolean;
  reason?: string;
  wait: number;
}

interface Context {
  readonly addresses: Addresses;
  readonly sql: SqlConnection;
  readonly log: KafkaAdmin;
  readonly output: Output;
  readonly options: Options;
}

export function registerRepublish(program: Command): void {
  addCommand(
    program,
    'republish',
    'brings events that the log no longer holds, from the rows of their publishers, to groups that missed them, and lets halted groups go on',
    'republish --execute --reason "retention was an hour"',
  )
    .option('--group <name>', 'one consumer group; without, all whose place in the log is gone')
    .option('--from <time>', 'only what happened since: a time (2026-01-31T09:00:00Z) or an age (2h)', (text) =>
      moment(text),
    )
    .option('--execute', 'do it; without, only say what would be done')
    .option('--reason <words>', 'why; kept with each event', reason)
    .option('--wait <seconds>', 'wait so long for the services to act', wholeNumber(0, 86_400), 60)
    .action(
      action<Options>(async (output, options) => {
        const addresses = readAddresses();
        try {
          return await withClosing(
            () => connectSql(addresses.auditDatabase),
            (sql) =>
              withClosing(
                () => createKafkaAdmin({ brokers: addresses.brokers, clientId: 'ops' }),
                (log) => run({ addresses, sql, log, output, options }),
              ),
          );
        } catch (error) {
          if (!(error instanceof WishError)) throw error;
          output.say(error.message);
          return EXIT.usage;
        }
      }),
    );
}

async function run(context: Context): Promise<ExitCode> {
  const { addresses, sql, log, output, options } = context;
  if (options.execute && !options.reason)
    throw new WishError('--execute wants a --reason: it is kept with each event.');
  const oldest = oldestKnown(Date.now());
  if (options.from && options.from < oldest)
    throw new WishError(
      `--from ${options.from.toISOString()} is too long ago: inboxes may have forgotten what was applied before ${oldest.toISOString()}.`,
    );
  const groups = options.group
    ? [groupNamed(options.group)]
    : (await lostGroups(log, sql)).filter(isInUse).map((it): Group => it.group);
  if (groups.length === 0) {
    output.result({ plans: [] }, 'every group has its place in the log: there is nothing to do');
    return EXIT.done;
  }
  const since = options.from ?? oldest;
  const plans = await findMissed({ log, sql, auditDatabase: addresses.auditDatabase }, groups, since);
  output.result({ since, plans: plans.map(planInText) }, renderPlans(plans));
  output.say(`Looked at what happened since ${since.toISOString()}.`);
  for (const words of partlyKnown(groups)) output.say(`Derived from rows, ${words}.`);
  if (plans.every(({ lost, missed }) => lost.length === 0 && missed.length === 0)) return EXIT.done;
  if (options.execute) return execute(context, plans);
  output.say('Nothing was changed. Repeat with --execute and --reason to do it.');
  return EXIT.found;
}

async function execute(context: Context, plans: readonly GroupPlan[]): Promise<ExitCode> {
  const { addresses, output, options } = context;
  const codec = createCodec({ registryUrl: addresses.registry });
  await codec.ready();
  for (const plan of plans) {
    const { group } = plan;
    const brought = await withClosing(
      () => connectSql(addresses.services[group.service].database),
      (service) => bring(service, codec, plan, options.reason ?? ''),
    );
    output.say(`${group.group}: ${brought} events were set before it.`);
  }
  const deadline = performance.now() + options.wait * 1_000;
  const codes: ExitCode[] = [];
  for (const plan of plans) codes.push(await letGoOn(context, plan, deadline));
  return codes.find((code) => code !== EXIT.done) ?? EXIT.done;
}

/**
 * Gives the group its new place, after its letters are written: from then on it reads the log again, and what comes of
 * a key is parked until the key's letters are applied. A group that does not park gets its place only once they are.
 */
async function letGoOn(
  { sql, log, output }: Context,
  { group, places }: GroupPlan,
  deadline: number,
): Promise<ExitCode> {
  const name = group.group;
  if (group.parks === false && places.length > 0) {
    const { waiting } = await waitForBrought(sql, group, deadline);
    if (waiting > 0) {
      output.say(`${name}: ${waiting} events wait for ${group.service}: is it running? Then repeat this command.`);
      return EXIT.failed;
    }
  }
  if (places.length > 0) {
    await log.place(name, places);
    output.say(`${name}: it goes on within seconds of its service's being there.`);
  }
  const { waiting, setAside } = await waitForBrought(sql, group, deadline);
  if (setAside > 0) output.say(`${name}: ${setAside} events are set aside: \`dead-letters list\` tells which.`);
  if (waiting > 0) output.say(`${name}: ${waiting} events wait for ${group.service}: is it running?`);
  if (waiting > 0) return EXIT.failed;
  return setAside > 0 ? EXIT.found : EXIT.done;
}
