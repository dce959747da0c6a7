import type { Stack } from '../../deploy/local/stack.ts';
import { connectRoot, SCHEMAS } from './stack.ts';

/** A checksum over all rows of every table of every schema; equal while nothing is changed. */
export async function contents(stack: Stack): Promise<Record<string, string>> {
  const sql = await connectRoot(stack);
  try {
    const tables = await sql.query<{ name: string }>(
      `SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables
        WHERE table_schema IN (?) AND table_type = 'BASE TABLE' ORDER BY name`,
      [[...SCHEMAS]],
    );
    const rows = await sql.query<{ Table: string; Checksum: number }>(
      `CHECKSUM TABLE ${tables.map(({ name }) => name).join(', ')} EXTENDED`,
    );
    return Object.fromEntries(rows.map(({ Table, Checksum }) => [Table, String(Checksum)]));
  } finally {
    await sql.close();
  }
}
