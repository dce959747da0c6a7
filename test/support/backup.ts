import type { Stack } from '../../deploy/local/stack.ts';
import type { SqlParam, SqlReader } from '../../ops/src/sql.ts';
import { connectRoot } from './stack.ts';

type Row = Readonly<Record<string, SqlParam>>;

/** Every row of a schema at one moment, like `mysqldump --single-transaction`. */
export interface Backup {
  readonly schema: string;
  readonly tables: ReadonlyMap<string, readonly Row[]>;
}

const ROWS = 200;

/** Backs a schema up while its service is running. */
export async function backUp(stack: Stack, schema: string): Promise<Backup> {
  const sql = await connectRoot(stack);
  try {
    return await sql.snapshot(async (reader) => {
      const tables = new Map<string, readonly Row[]>();
      for (const table of await tablesOf(reader, schema)) {
        tables.set(table, await reader.query<Row>(`SELECT * FROM ${schema}.${table}`));
      }
      return { schema, tables };
    });
  } finally {
    await sql.close();
  }
}

/** Restores the rows of a backup. The service must not run. */
export async function restore(stack: Stack, { schema, tables }: Backup): Promise<void> {
  const sql = await connectRoot(stack);
  try {
    for (const [table, rows] of tables) {
      await sql.execute(`TRUNCATE TABLE ${schema}.${table}`);
      for (let i = 0; i < rows.length; i += ROWS) {
        const part = rows.slice(i, i + ROWS);
        const columns = Object.keys(part[0] ?? {});
        const names = columns.map((column) => `\`${column}\``).join(', ');
        const values = part.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ');
        await sql.execute(
          `INSERT INTO ${schema}.${table} (${names}) VALUES ${values}`,
          part.flatMap((row) => columns.map((column) => row[column] ?? null)),
        );
      }
    }
  } finally {
    await sql.close();
  }
}

async function tablesOf(reader: SqlReader, schema: string): Promise<string[]> {
  const rows = await reader.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = ? AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations' ORDER BY name`,
    [schema],
  );
  return rows.map((row) => row.name);
}
