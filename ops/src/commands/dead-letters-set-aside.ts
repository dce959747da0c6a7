import type { Addresses } from '../addresses.ts';
import { EXIT, type ExitCode, type Output } from '../command.ts';
import {
  coveredBy,
  endPermit,
  groupOf,
  insertPermit,
  type PermitWish,
  waitForPermit,
} from '../dead-letters/set-aside.ts';
import { connectOwn } from '../own-schema.ts';
import type { SqlConnection } from '../sql.ts';
import { withClosing } from '../with-closing.ts';
import type { ChangeOptions } from './dead-letters-change.ts';

/** Says which halted partitions a permit would cover, or with `execute` gives it and waits for the service to act. */
export async function setAside(
  sql: SqlConnection,
  addresses: Addresses,
  output: Output,
  wish: PermitWish,
  options: ChangeOptions,
): Promise<ExitCode> {
  const { service } = groupOf(wish);
  const halted = await coveredBy(addresses, wish);
  const named = halted.length > 0 ? `halted: ${halted.join(', ')}` : 'nothing that it covers has halted';
  const place = wish.topic ? ` of ${[wish.topic, wish.partition].filter((it) => it !== undefined).join('/')}` : '';
  const words = `${wish.group} set aside up to ${wish.most} messages${place} within ${wish.minutes} min (${named})`;
  if (!options.execute) {
    output.result({ wish, halted }, `would let ${words}`);
    output.say('Nothing was changed. Repeat with --execute to do it.');
    return EXIT.done;
  }
  if (halted.length === 0) {
    output.result({ wish, halted }, 'nothing that it covers has halted: no permit was given');
    return EXIT.found;
  }
  output.say(`letting ${words}`);
  const id = await withClosing(
    () => connectOwn(sql, addresses, service),
    (connection) => insertPermit(connection, wish),
  );
  const outcome = await waitForPermit(sql, addresses, wish, id, options.wait * 1_000);
  const isDone = outcome.halted.length === 0;
  if (isDone) {
    await withClosing(
      () => connectOwn(sql, addresses, service),
      (connection) => endPermit(connection, id),
    );
  }
  output.result(
    { id, ...outcome },
    `${outcome.used} messages were set aside; ${
      isDone
        ? 'nothing is halted, and the permit is over'
        : `${outcome.left} more may be; still halted: ${outcome.halted.join(', ')}`
    }`,
  );
  if (isDone) return EXIT.done;
  output.say(
    'A halted partition tries again every 15 s at most. If more are refused than the permit allows, its log says how many.',
  );
  return EXIT.found;
}
