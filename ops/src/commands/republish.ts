import { createCodec, type KafkaAdmin } from '@shop/events';
import type { Command } from 'commander';
import type { Group } from '../../../services/groups.ts';
import { schemaOf } from '../../../services/services.ts';
import { access } from '../access.ts';
import { type Addresses, readAddresses } from '../addresses.ts';
import { GROUPS } from '../audit/groups.ts';
import { action, addCommand, EXIT, type ExitCode, moment, type Output, reason, wholeNumber } from '../command.ts';
import { connectKafka } from '../kafka-log.ts';
import { FILL, groupsOfNewLog, isInUse, lostGroups, newLogUnknown } from '../lost-places.ts';
import { connectOwn } from '../own-schema.ts';
import { groupNamed } from '../replay/options.ts';
import { WishError } from '../replay/wish-error.ts';
import { bring, waitForBrought } from '../republish/bring.ts';
import { findFormerLetters, moveFormerLetters } from '../republish/former-letters.ts';
import { findGaps, type LogGap, oldestHeld } from '../republish/log-gaps.ts';
import { findMissed, type GroupPlan, oldestKnown, partlyKnown } from '../republish/missed.ts';
import { refill } from '../republish/refill.ts';
import { gapInText, planInText, renderGaps, renderPlans } from '../republish/render.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import { connectSql, type SqlConnection } from '../sql.ts';
import { readInstances } from '../status/read.ts';
import { withClosing } from '../with-closing.ts';

/** An outbox that nobody relays is told from a slow one after this long, whatever `--wait` says, ms. */
const LEAST_PATIENCE_MS = 10_000;

interface Options {
  json?: boolean;
  group?: string;
  log?: boolean;
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
    .option(
      '--log',
      'the topics were deleted or made anew: all groups, and the events of seven days are put on the topics again',
    )
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
                () => connectKafka(addresses.brokers),
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
  if (options.log && options.group) throw new WishError('--log is about all groups: leave out --group.');
  if (options.log && options.from && options.execute)
    throw new WishError(
      '--log --execute takes no --from: what it sends again would tell the audit that nothing older is to be compared. Without --execute it may be given.',
    );
  const oldest = oldestKnown(Date.now());
  if (options.from && options.from < oldest)
    throw new WishError(
      `--from ${options.from.toISOString()} is too long ago: inboxes may have forgotten what was applied before ${oldest.toISOString()}.`,
    );
  if (options.log) await expectTopics(context);
  const former = options.log ? await formerLetters(context) : 0;
  const groups = await groupsOf(context);
  const newLog = options.log ? [] : await groupsWithNewLog(context);
  if (newLog.length > 0)
    output.say(`The topics of ${newLog.map(({ group }) => group).join(', ')} were made anew: ${FILL}`);
  if (groups.length === 0) {
    output.result({ plans: [] }, 'every group has its place in the log: there is nothing to do');
    return newLog.length > 0 ? EXIT.found : EXIT.done;
  }
  const sources = { log, sql, auditDatabase: addresses.auditDatabase };
  const since = options.from ?? oldest;
  const heldSince = options.from ?? oldestHeld(Date.now());
  const plans = await findMissed(sources, groups, since);
  const gaps = options.log ? await findGaps(sources, heldSince) : [];
  output.result(
    { since, plans: plans.map(planInText), ...(options.log && { gaps: gaps.map(gapInText) }) },
    [renderPlans(plans), ...(options.log ? [renderGaps(gaps, heldSince)] : [])].join('\n\n'),
  );
  output.say(`Looked at what happened since ${since.toISOString()}.`);
  for (const words of partlyKnown(groups)) output.say(`Derived from rows, ${words}.`);
  const isWhole = plans.every(({ lost, missed }) => lost.length === 0 && missed.length === 0);
  if (isWhole && gaps.length === 0 && (former === 0 || options.execute)) return EXIT.done;
  if (options.execute) return execute(context, plans, { gaps, since: heldSince });
  output.say('Nothing was changed. Repeat with --execute and --reason to do it.');
  return EXIT.found;
}

/** @throws in words when it cannot be told of every group */
async function groupsWithNewLog({ log, sql }: Context): Promise<readonly Group[]> {
  const newLog = await groupsOfNewLog(log, sql, Date.now());
  const unknown = newLogUnknown(newLog);
  if (unknown.length > 0) throw new Error(unknown.join('; '));
  return newLog.found;
}

/** Without a topic nothing can be read, nor sent. */
async function expectTopics({ log }: Context): Promise<void> {
  const existing = new Set(await log.topics());
  const missing = RUNNING_TOPICS.filter((topic) => !existing.has(topic));
  if (missing.length > 0)
    throw new WishError(`${missing.join(', ')}: no such topic. First: npm run ops -- topics --execute`);
}

/**
 * Letters at positions that mean other records since the topics were made anew. They leave them first: else what is
 * set aside there, and who looks for it, would meet them. @returns how many
 */
async function formerLetters({ addresses, log, sql, output, options }: Context): Promise<number> {
  const former = await findFormerLetters(log, sql);
  for (const of of former) {
    if (options.execute) await moveFormerLetters(sql, addresses, of);
    const what = `${of.letters.length} letters are of a log that is gone: they`;
    output.say(`${of.service}: ${what} ${options.execute ? 'have left' : 'would leave'} its positions.`);
  }
  return former.reduce((sum, { letters }) => sum + letters.length, 0);
}

async function groupsOf(context: Context): Promise<readonly Group[]> {
  const { log, sql, options, output } = context;
  if (options.group) return [groupNamed(options.group)];
  if (!options.log) return (await lostGroups(log, sql)).filter(isInUse).map((it): Group => it.group);
  const inUse: Group[] = [];
  for (const group of GROUPS) {
    if (!group.optional || !(await isOff(context, group))) inUse.push(group);
    else output.say(`${group.group} is left out: it is not in use in ${group.service}.`);
  }
  return inUse;
}

/**
 * Whether an optional group is switched off. The broker has forgotten the offsets with the topics, so its service is
 * asked: nobody has joined, and no instance says that the group has halted or waits. As long as an instance does not
 * answer, the group counts as in use if it has ever applied anything.
 */
async function isOff({ addresses, log, sql }: Context, { group, service }: Group): Promise<boolean> {
  const applied = await sql.query(
    `SELECT 1 FROM ${schemaOf(service)}.processed_event WHERE consumer_group = ? LIMIT 1`,
    [group],
  );
  if (applied.length === 0) return true;
  if ((await log.members(group)).length > 0) return false;
  const instances = (await readInstances(addresses, [service])).filter((it) => it.service === service);
  return instances.every(
    ({ messaging: its }) => its && ![...its.lost, ...its.waiting, ...its.restarting].includes(group),
  );
}

async function execute(
  context: Context,
  plans: readonly GroupPlan[],
  { gaps, since }: { readonly gaps: readonly LogGap[]; readonly since: Date },
): Promise<ExitCode> {
  const { addresses, sql, output, options } = context;
  const codec = createCodec({ registryUrl: addresses.registry, registryAccess: access().registry });
  await codec.ready();
  for (const plan of plans) {
    const { group } = plan;
    const brought = await withClosing(
      () => connectOwn(sql, addresses, group.service),
      (service) => bring(service, codec, plan, options.reason ?? ''),
    );
    output.say(`${group.group}: ${brought} events were set before it.`);
  }
  // After the letters: what comes of their keys from the log waits behind them.
  const patienceMs = Math.max(LEAST_PATIENCE_MS, options.wait * 1_000);
  let isWhole = true;
  for (const gap of gaps) {
    // A service that does not run, or whose schema is being restored, keeps back its own events only.
    const fault = await refill({ sql, addresses }, gap, { codec, since, patienceMs }).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (fault !== undefined) isWhole = false;
    output.say(`${gap.service}: ${fault ?? `${gap.events.length} events are on the topics again.`}`);
  }
  if (!isWhole) return EXIT.failed;
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
