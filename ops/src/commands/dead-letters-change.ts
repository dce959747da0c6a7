import type { Addresses } from '../addresses.ts';
import { EXIT, type ExitCode, type Output, table } from '../command.ts';
import { type DeadLetter, readBehind, readDeadLetters } from '../dead-letters/read.ts';
import { isSettled, type Outcome, waitForOutcomes } from '../dead-letters/resolve.ts';
import { connectOwn } from '../own-schema.ts';
import type { SqlConnection, SqlReader } from '../sql.ts';
import { withClosing } from '../with-closing.ts';

export interface ChangeOptions {
  json?: boolean;
  execute?: boolean;
  wait: number;
}

/** A change of letters: redrive or discard. */
export interface Change {
  readonly verb: keyof typeof ENDS;
  /** Asks for it. @returns the letters for which it could not be asked, since they are not DEAD any more */
  readonly request: (letters: readonly DeadLetter[]) => Promise<readonly DeadLetter[]>;
}

/** The status of a letter once it is done. */
const ENDS = { redrive: 'REDRIVEN', discard: 'DISCARDED' } as const;

/** Returns `letters` if all are DEAD; only those can be changed. @throws in words for any other */
export async function deadOnly(sql: SqlReader, letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
  for (const letter of letters) {
    if (letter.status === 'DEAD') continue;
    const fronts =
      letter.status === 'PARKED'
        ? await readDeadLetters(sql, ['DEAD'], { service: letter.service, group: letter.group })
        : [];
    const front = fronts.find((each) => each.key === letter.key);
    const hint = front ? `; it waits behind ${front.ref}: act on that one` : '';
    throw new Error(
      `${letter.ref} is ${letter.status}${letter.resolution ? ` (${letter.resolution})` : ''}, not DEAD${hint}`,
    );
  }
  return letters;
}

/** Asks each letter's service by its own schema. @returns the letters that are not DEAD any more */
export async function requestOf(
  { sql, addresses }: { readonly sql: SqlReader; readonly addresses: Addresses },
  letters: readonly DeadLetter[],
  request: (service: SqlConnection, letter: DeadLetter) => Promise<boolean>,
): Promise<DeadLetter[]> {
  const refused: DeadLetter[] = [];
  for (const [service, ofService] of Map.groupBy(letters, (letter) => letter.service)) {
    await withClosing(
      () => connectOwn(sql, addresses, service),
      async (own) => {
        for (const letter of ofService) if (!(await request(own, letter))) refused.push(letter);
      },
    );
  }
  return refused;
}

/** Prints the change, or with `execute` makes it and waits for the service to act. */
export async function change(
  sql: SqlReader,
  output: Output,
  options: ChangeOptions,
  letters: readonly DeadLetter[],
  { verb, request }: Change,
): Promise<ExitCode> {
  const plan = await Promise.all(
    letters.map(async (letter) => ({
      ref: letter.ref,
      type: letter.type,
      key: letter.key,
      behind: (await readBehind(sql, letter)).length,
    })),
  );
  const planText = table(
    plan.map((it) => [it.ref, it.type ?? '(unreadable)', it.key ?? '(no key)', `${it.behind} parked behind it`]),
    '  ',
  );
  if (letters.length === 0 || !options.execute) {
    output.result(
      { plan },
      letters.length === 0
        ? 'nothing to do: there are no such dead letters'
        : `would ${verb} ${letters.length}:\n${planText}`,
    );
    if (letters.length > 0) output.say('Nothing was changed. Repeat with --execute to do it.');
    return EXIT.done;
  }
  output.say(`${verb}: ${letters.length}\n${planText}`);
  const refused = await request(letters);
  // For what was refused there is nothing to wait for.
  const left = await waitForOutcomes(sql, refused, 0);
  const asked = await waitForOutcomes(
    sql,
    letters.filter((letter) => !refused.includes(letter)),
    options.wait * 1_000,
  );
  const outcomes = [...asked, ...left];
  output.result(
    outcomes,
    table(outcomes.map((it) => [it.ref, it.status, `${it.parkedBehind} left behind it`, it.error ?? ''])),
  );
  return verdict(output, verb, left, asked);
}

/** The exit code, and why: 1 as long as not all is done that was asked for, 3 where a letter stands in the way. */
function verdict(
  output: Output,
  verb: Change['verb'],
  refused: readonly Outcome[],
  asked: readonly Outcome[],
): ExitCode {
  const end = ENDS[verb];
  const failed = asked.filter((it) => it.status === 'DEAD');
  const waiting = asked.filter((it) => !isSettled(it));
  const others = asked.filter((it) => ![end, 'DEAD', 'REDRIVE'].includes(it.status));
  for (const { ref, status } of refused)
    output.say(`${ref} was changed by somebody else meanwhile, and is ${status}: this command left it as it is.`);
  for (const { ref, status } of others)
    output.say(`${ref} is ${status}, not ${end}: somebody else has acted on it meanwhile.`);
  if (waiting.length > 0)
    output.say(
      `${waiting.length} still wait for their service: is it running? The wish stays, and is carried out when it is.`,
    );
  if (failed.length > 0) output.say(`${failed.length} failed again; \`dead-letters show\` tells why.`);
  if (refused.length + others.length > 0) return EXIT.failed;
  if (failed.length > 0 || asked.some((it) => it.isBlocked)) return EXIT.found;
  return waiting.length > 0 ? EXIT.failed : EXIT.done;
}
