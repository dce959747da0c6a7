import { eventually } from './eventually.ts';
import { connectRoot } from './stack.ts';
import type { System } from './system.ts';

export interface DeadLetterRow {
  readonly id: number;
  readonly status: string;
  readonly reason: string;
  readonly type: string | null;
  readonly error: string | null;
  readonly topic: string;
}

/** The dead letters of a key (an order's id) in one service, in the order of their arrival. */
export async function deadLettersOf(
  system: Pick<System, 'stack'>,
  service: string,
  key: string | null,
): Promise<DeadLetterRow[]> {
  const sql = await connectRoot(system.stack);
  try {
    return await sql.query<DeadLetterRow>(
      `SELECT id, status, reason, event_type AS type, error, topic FROM shop_${service}.dead_letter
        WHERE message_key <=> ? ORDER BY id`,
      [key],
    );
  } finally {
    await sql.close();
  }
}

/** Waits until a key's dead letters in a service are exactly these: `<type> <status>`. */
export function untilDeadLetters(
  system: Pick<System, 'stack'>,
  service: string,
  key: string | null,
  expected: readonly string[],
  withinMs = 20_000,
): Promise<DeadLetterRow[]> {
  return eventually(
    `the dead letters of ${key} in ${service} to be [${expected.join(', ')}]`,
    async () => {
      const letters = await deadLettersOf(system, service, key);
      const found = letters.map((letter) => `${letter.type} ${letter.status}`);
      if (JSON.stringify(found) === JSON.stringify(expected)) return letters;
      throw new Error(`they are [${found.join(', ')}]`);
    },
    { withinMs, everyMs: 100 },
  );
}
