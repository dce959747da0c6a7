import type { Addresses } from '../addresses.ts';
import { EXIT, type ExitCode, type Output } from '../command.ts';
import {
  endPermits,
  groupOf,
  insertPermit,
  type Look,
  lookAt,
  type OpenPermit,
  type PermitWish,
  readOpenPermits,
  readUse,
  waitForPermit,
} from '../dead-letters/set-aside.ts';
import { connectOwn } from '../own-schema.ts';
import type { SqlConnection } from '../sql.ts';
import { withClosing } from '../with-closing.ts';
import type { ChangeOptions } from './dead-letters-change.ts';

/**
 * Says which halted partitions a permit would cover, or with `execute` gives it and waits for the service to act. Where
 * it ends with "over", no permit of these partitions is open.
 */
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
    const open = await readOpenPermits(sql, wish);
    output.result({ wish, ...look, open }, `would let ${words}${openInWords(open)}`);
    output.say('Nothing was changed. Repeat with --execute to do it.');
    return codeOf(look) === EXIT.failed ? EXIT.failed : EXIT.done;
  }
  const own = <T>(work: (connection: SqlConnection) => Promise<T>) =>
    withClosing(() => connectOwn(sql, addresses, service), work);
  const end = () => own((connection) => endPermits(connection, wish));
  if (look.halted.length === 0) return await giveNone({ sql, output, end }, wish, look);
  output.say(`letting ${words}`);
  const { id, ended } = await own((connection) => insertPermit(connection, wish));
  if (ended.length > 0) output.say(`It takes the place of the permits given before: ${ended.join(', ')}.`);
  const { isDone, ...left } = await waitForPermit(() => lookAt(addresses, wish), options.wait * 1_000);
  if (isDone) await end();
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

/** The tools with which a command ends what it finds. */
interface Ending {
  readonly sql: SqlConnection;
  readonly output: Output;
  readonly end: () => Promise<number[]>;
}

/**
 * No permit where nothing is halted, and none of earlier ones stays open; but while an instance does not tell, it may
 * still need them: they are named.
 */
async function giveNone({ sql, output, end }: Ending, wish: PermitWish, look: Look): Promise<ExitCode> {
  if (look.silent.length > 0) {
    const open = await readOpenPermits(sql, wish);
    output.result({ wish, ...look, open }, `${inWords(look)}: no permit was given${openInWords(open)}`);
    return EXIT.failed;
  }
  const ended = await end();
  const before = ended.length > 0 ? `, and those given before are over: ${ended.join(', ')}` : '';
  output.result({ wish, ...look, ended }, `${inWords(look)}: no permit was given${before}`);
  return EXIT.found;
}

/** Open permits in words that follow others; empty without any. */
export function openInWords(open: readonly OpenPermit[]): string {
  const each = open.map(({ id, left, expiresAt }) => `${id} (${left} more messages, until ${expiresAt.toISOString()})`);
  return each.length > 0 ? `; permits that are open: ${each.join(', ')}` : '';
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
