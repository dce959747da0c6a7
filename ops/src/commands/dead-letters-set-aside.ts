import type { Addresses } from '../addresses.ts';
import { EXIT, type ExitCode, type Output } from '../command.ts';
import {
  endPermit,
  groupOf,
  insertPermit,
  type Look,
  lookAt,
  type PermitWish,
  readUse,
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
  const look = await lookAt(addresses, wish);
  const place = wish.topic ? ` of ${[wish.topic, wish.partition].filter((it) => it !== undefined).join('/')}` : '';
  const words = `${wish.group} set aside up to ${wish.most} messages${place} within ${wish.minutes} min (${inWords(look)})`;
  if (!options.execute) {
    output.result({ wish, ...look }, `would let ${words}`);
    output.say('Nothing was changed. Repeat with --execute to do it.');
    return codeOf(look) === EXIT.failed ? EXIT.failed : EXIT.done;
  }
  if (look.halted.length === 0) {
    output.result({ wish, ...look }, `${inWords(look)}: no permit was given`);
    return look.silent.length > 0 ? EXIT.failed : EXIT.found;
  }
  output.say(`letting ${words}`);
  const own = () => connectOwn(sql, addresses, service);
  const id = await withClosing(own, (connection) => insertPermit(connection, wish));
  const { isDone, ...left } = await waitForPermit(() => lookAt(addresses, wish), options.wait * 1_000);
  if (isDone) await withClosing(own, (connection) => endPermit(connection, id));
  const outcome = { ...(await readUse(sql, wish, id)), ...left };
  output.result(
    { id, ...outcome },
    `${outcome.used} messages were set aside; ${
      isDone ? 'nothing is halted, and the permit is over' : `${outcome.left} more may be; ${inWords(left)}`
    }`,
  );
  if (isDone) return EXIT.done;
  output.say(
    'A halted partition tries again every 15 s at most. If more are refused than the permit allows, its log says how many.',
  );
  return codeOf(left);
}

/** The exit code of a look: 3 where a partition is halted, else 1 where an instance did not tell, else 0. */
export function codeOf({ halted, silent }: Look): ExitCode {
  if (halted.length > 0) return EXIT.found;
  return silent.length > 0 ? EXIT.failed : EXIT.done;
}

/** A look in words; an instance that does not tell is named. */
export function inWords({ halted, silent }: Look): string {
  const known = halted.length > 0 ? `halted: ${halted.join(', ')}` : 'nothing that it covers has halted';
  if (silent.length === 0) return known;
  const unknown = `${silent.join(', ')} does not tell: what has halted there is not known`;
  return halted.length > 0 ? `${known}; ${unknown}` : unknown;
}
