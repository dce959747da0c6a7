import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { DATA_PLATFORM } from '../audit/groups.ts';
import { action, addCommand, duration, EXIT, table } from '../command.ts';
import { openLog } from '../kafka-log.ts';
import { connectSql } from '../sql.ts';
import { readInstances, readLogStatus, readRowStatus, type Status } from '../status/read.ts';

export function registerStatus(program: Command): void {
  addCommand(
    program,
    'status',
    'services, topics, lag, outboxes and dead letters on one screen; exit 3 if something needs a look',
    'status',
  ).action(
    action(async (output) => {
      const status = await readStatus();
      const problems = whatIsWrong(status);
      output.result({ ...status, problems }, [render(status), ...problems.map((problem) => `! ${problem}`)].join('\n'));
      return problems.length > 0 ? EXIT.found : EXIT.done;
    }),
  );
}

async function readStatus(): Promise<Status> {
  const addresses = readAddresses();
  const unreachable: string[] = [];
  const instances = readInstances(addresses);
  const rows = withClosing(() => connectSql(addresses.auditDatabase), readRowStatus).catch((error: Error) => {
    unreachable.push(error.message);
    return { outboxes: [], deadLetters: [], orders: {}, oldestPending: [] };
  });
  const log = withClosing(() => openLog(addresses.brokers), readLogStatus).catch((error: Error) => {
    unreachable.push(`Kafka at ${addresses.brokers.join(',')} cannot be read: ${error.message}`);
    return { topics: [], groups: [] };
  });
  return { instances: await instances, ...(await rows), ...(await log), unreachable };
}

async function withClosing<C extends { close(): Promise<void> }, T>(
  open: () => Promise<C>,
  work: (opened: C) => Promise<T>,
): Promise<T> {
  const opened = await open();
  try {
    return await work(opened);
  } finally {
    await opened.close();
  }
}

/** An outbox row that is older than this waits for more than its turn, ms. */
const OUTBOX_OLD_MS = 5_000;
const PENDING_OLD_MS = 15_000;

/** What an operator should look at, in words; the runbooks say how to go on. */
export function whatIsWrong(status: Status): string[] {
  return [
    ...status.unreachable,
    ...status.instances
      .filter((it) => !it.ready)
      .map((it) => `${it.service} at ${it.url} is ${it.live ? 'not ready' : 'away'}: ${it.detail}`),
    ...status.instances.flatMap((it) =>
      (it.messaging?.halted ?? []).map(
        (what) => `${it.service} at ${it.url} has halted, ${what}: docs/runbooks/consumer-halted.md`,
      ),
    ),
    ...status.instances.flatMap((it) =>
      (it.messaging?.waiting ?? []).map(
        (group) =>
          `group ${group} at ${it.url} waits for something that is away${group === DATA_PLATFORM ? ': docs/runbooks/data-platform-away.md' : ''}`,
      ),
    ),
    ...status.outboxes
      .filter(
        (it) =>
          it.waiting > 0 && !status.instances.some((each) => each.service === it.service && each.messaging?.relaying),
      )
      .map((it) => `nobody relays the outbox of ${it.service}: docs/runbooks/outbox-backlog.md`),
    ...status.outboxes
      .filter((it) => it.oldestMs > OUTBOX_OLD_MS)
      .map(
        (it) =>
          `the outbox of ${it.service} has ${it.waiting} events, the oldest for ${duration(it.oldestMs)}: docs/runbooks/outbox-backlog.md`,
      ),
    ...status.deadLetters.map(
      (it) => `${it.group} has ${it.dead} dead letters and ${it.parked} parked: docs/runbooks/dead-letters.md`,
    ),
    ...status.oldestPending
      .filter((it) => it.ageMs > PENDING_OLD_MS)
      .map((it) => `order ${it.orderId} is PENDING for ${duration(it.ageMs)}: docs/runbooks/orders-near-deadline.md`),
  ];
}

function render(status: Status): string {
  const { instances, topics, groups, outboxes, orders } = status;
  return [
    table(
      instances.map((it) => [
        it.service,
        it.url,
        it.ready ? 'ready' : it.live ? 'NOT READY' : 'AWAY',
        it.messaging?.relaying ? 'relays' : '',
      ]),
    ),
    '',
    table([['topic', 'partitions', 'messages'], ...topics.map((it) => [it.topic, it.partitions, it.messages])]),
    '',
    table([['group', 'lag'], ...groups.map((it) => [it.group, it.lag])]),
    '',
    table([
      ['outbox', 'waiting', 'oldest'],
      ...outboxes.map((it) => [it.service, it.waiting, it.waiting > 0 ? duration(it.oldestMs) : '-']),
    ]),
    '',
    ...(outboxes.length === 0 ? ['orders and dead letters: unknown'] : rowsOf(orders, status.deadLetters.length)),
  ].join('\n');
}

function rowsOf(orders: Status['orders'], deadLetterGroups: number): string[] {
  const states = Object.entries(orders).map(([state, n]) => `${n} ${state}`);
  return [`orders: ${states.join(', ') || 'none'}`, ...(deadLetterGroups === 0 ? ['dead letters: none'] : [])];
}
