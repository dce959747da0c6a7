import type { Addresses } from '../addresses.ts';
import { EXIT, type ExitCode, type Output, table } from '../command.ts';
import { type DeadLetter, readBehind, readDeadLetters } from '../dead-letters/read.ts';
import { type Outcome, waitForOutcomes } from '../dead-letters/resolve.ts';
import { connectOwn } from '../own-schema.ts';
import type { SqlConnection } from '../sql.ts';

export interface ChangeOptions {
  json?: boolean;
  execute?: boolean;
  wait: number;
}

/** Returns `letters` if all are DEAD; only those can be changed. @throws in words for any other */
export async function deadOnly(sql: SqlConnection, letters: readonly DeadLetter[]): Promise<readonly DeadLetter[]> {
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

/** Prints the change, or with `execute` makes it and waits for the service to act. */
export async function change(
  sql: SqlConnection,
  addresses: Addresses,
  output: Output,
  options: ChangeOptions,
  letters: readonly DeadLetter[],
  verb: string,
  request: (service: SqlConnection, letter: DeadLetter) => Promise<boolean>,
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
  for (const [service, ofService] of Map.groupBy(letters, (letter) => letter.service)) {
    const connection = await connectOwn(sql, addresses, service);
    try {
      for (const letter of ofService)
        if (!(await request(connection, letter))) output.say(`${letter.ref} is not DEAD any more: left as it is`);
    } finally {
      await connection.close();
    }
  }
  const outcomes = await waitForOutcomes(sql, letters, options.wait * 1_000);
  output.result(
    outcomes,
    table(outcomes.map((it) => [it.ref, it.status, `${it.parkedBehind} left behind it`, it.error ?? ''])),
  );
  return verdict(output, outcomes);
}

function verdict(output: Output, outcomes: readonly Outcome[]): ExitCode {
  const failed = outcomes.filter((it) => it.status === 'DEAD').length;
  const waiting = outcomes.filter((it) => it.status === 'REDRIVE').length;
  if (waiting > 0)
    output.say(
      `${waiting} still wait for their service: is it running? The wish stays, and is carried out when it is.`,
    );
  if (failed > 0) output.say(`${failed} failed again; \`dead-letters show\` tells why.`);
  if (failed > 0 || outcomes.some((it) => it.status !== 'REDRIVE' && it.parkedBehind > 0)) return EXIT.found;
  return waiting > 0 ? EXIT.failed : EXIT.done;
}
