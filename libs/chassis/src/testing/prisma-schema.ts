import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { migratedSchema } from './migrated-schema.ts';
import { readModels } from './prisma-models.ts';
import type { TestDatabase } from './unique-schema.ts';

/** Tests that the migrations in the folder `prisma` give the tables that its schema.prisma describes. */
export function describePrismaSchema(prisma: string): void {
  const models = readModels(join(prisma, 'schema.prisma'));
  let schema: TestDatabase;

  beforeAll(async () => {
    schema = await migratedSchema(prisma);
  });
  afterAll(() => schema.drop());

  it('when migrated, then the columns are those of the Prisma schema', async () => {
    const rows = await schema.database.query<Record<'table' | 'column' | 'type' | 'nullable' | 'extra', string>>(
      `SELECT table_name AS \`table\`, column_name AS \`column\`, column_type AS type, is_nullable AS nullable, extra AS extra
         FROM information_schema.columns WHERE table_schema = ?`,
      [schema.database.schema],
    );
    const columns = rows.map(({ table, column, type, nullable, extra }) => {
      const withoutWidth = type.replace(/^(bigint|int)\(\d+\)/, '$1');
      const auto = extra.toLowerCase().includes('auto_increment') ? ' auto' : '';
      return `${table}.${column} ${withoutWidth}${nullable === 'YES' ? ' null' : ''}${auto}`;
    });
    expect(columns.sort()).toEqual(models.flatMap((model) => model.columns).sort());
  });

  it('when migrated, then the keys are those of the Prisma schema', async () => {
    const rows = await schema.database.query<{ table: string; name: string; columns: string; free: number }>(
      `SELECT table_name AS \`table\`, index_name AS name, MAX(non_unique) AS free,
              GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
         FROM information_schema.statistics WHERE table_schema = ? GROUP BY table_name, index_name`,
      [schema.database.schema],
    );
    const keys = rows.map(
      ({ table, name, columns, free }) => `${table} ${free ? 'index' : 'unique'} ${name} ${columns}`,
    );
    expect(keys.sort()).toEqual(models.flatMap((model) => model.keys).sort());
  });
}
