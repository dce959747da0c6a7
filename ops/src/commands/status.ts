import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, duration, EXIT, table } from '../command.ts';
import { whatIsWrong } from '../status/problems.ts';
import { readStatus, type Status } from '../status/read.ts';

export function registerStatus(program: Command): void {
  addCommand(
    program,
    'status',
    'services, topics, lag, outboxes and dead letters on one screen; exit 3 if something needs a look',
    'status',
  ).action(
    action(async (output) => {
      const status = await readStatus(readAddresses());
      const problems = whatIsWrong(status);
      output.result({ ...status, problems }, [render(status), ...problems.map((problem) => `! ${problem}`)].join('\n'));
      return problems.length > 0 ? EXIT.found : EXIT.done;
    }),
  );
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
