import type { SqlReader } from '../sql.ts';

/** A statement that needs the right, and changes nothing. `outbox` is a table of every schema. */
const NEEDS: Readonly<Record<string, string>> = {
  SELECT: 'SELECT 1 FROM outbox WHERE FALSE',
  INSERT: 'INSERT INTO outbox SELECT * FROM outbox WHERE FALSE',
  UPDATE: 'UPDATE outbox SET id = id WHERE FALSE',
  DELETE: 'DELETE FROM outbox WHERE FALSE',
};

/**
 * The rights that a service's user lacks. The server is asked by trying: rights may come by roles, patterns or
 * grants on single tables.
 */
export async function missingRights(sql: SqlReader): Promise<string[]> {
  const missing: string[] = [];
  for (const [right, statement] of Object.entries(NEEDS)) {
    try {
      await sql.query(statement);
    } catch (error) {
      // Anything else, such as a server that takes no writes, is another check's.
      if (deniedRights(message(error)).includes(right)) missing.push(right);
    }
  }
  return missing;
}

/** The rights that the server names in its refusal. The statement itself, which the driver adds, names others. */
export function deniedRights(words: string): string[] {
  const denied = /^(?:\(conn:[^)]*\) )?(\w+(?:, \w+)*) command denied/i.exec(words);
  return denied?.[1]?.toUpperCase().split(', ') ?? [];
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
