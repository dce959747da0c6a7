import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { TestDatabase } from '@shop/service/testing';
import { migratedSchema } from './schema.ts';

const prisma = join(import.meta.dirname, '../prisma');
let schema: TestDatabase;

beforeAll(async () => {
  schema = await migratedSchema();
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
  expect(columns.sort()).toEqual(
    models()
      .flatMap((model) => model.columns)
      .sort(),
  );
});

it('when migrated, then the keys are those of the Prisma schema', async () => {
  const rows = await schema.database.query<{ table: string; name: string; columns: string; free: number }>(
    `SELECT table_name AS \`table\`, index_name AS name, MAX(non_unique) AS free,
            GROUP_CONCAT(column_name ORDER BY seq_in_index) AS columns
       FROM information_schema.statistics WHERE table_schema = ? GROUP BY table_name, index_name`,
    [schema.database.schema],
  );
  const keys = rows.map(({ table, name, columns, free }) => `${table} ${free ? 'index' : 'unique'} ${name} ${columns}`);
  expect(keys.sort()).toEqual(
    models()
      .flatMap((model) => model.keys)
      .sort(),
  );
});

interface Model {
  /** `<table>.<column> <type>[ null][ auto]` */
  columns: string[];
  /** `<table> unique|index <name> <columns>` */
  keys: string[];
}

/** The models of schema.prisma, in the words of information_schema. Prisma's own parser is not to be had offline. */
function models(): Model[] {
  const text = readFileSync(join(prisma, 'schema.prisma'), 'utf8');
  return [...text.matchAll(/^model \w+ \{\n(.*?)^\}/gms)].map(([, body = '']) => {
    const lines = body.split('\n').map((line) => line.trim());
    const table = find(body, /@@map\("(\w+)"\)/);
    // A relation is no column.
    const fields = lines.filter((line) => /^\w/.test(line) && !/\[\]|@relation/.test(line));
    const columnOf = new Map(fields.map((line) => [find(line, /^(\w+)/), columnName(line)]));
    const named = (list: string) =>
      list
        .split(',')
        .map((field) => columnOf.get(field.trim()))
        .join(',');
    const keys = lines.flatMap((line) => {
      const own = /\s@(id|unique)\b/.exec(line)?.[1];
      const [, kind, list = ''] = /^@@(id|unique|index)\(\[([^\]]+)\]/.exec(line) ?? [];
      const what = own ?? kind;
      if (!what) return [];
      const name = what === 'id' ? 'PRIMARY' : find(line, /map: "(\w+)"/);
      return [`${table} ${what === 'index' ? 'index' : 'unique'} ${name} ${own ? columnName(line) : named(list)}`];
    });
    return { columns: fields.map((line) => `${table}.${column(line)}`), keys };
  });
}

function columnName(line: string): string {
  return /@map\("(\w+)"\)/.exec(line)?.[1] ?? find(line, /^(\w+)/);
}

function column(line: string): string {
  const [, type = '', optional] = /^\w+\s+(\w+)(\?)?/.exec(line) ?? [];
  const native = /@db\.(\w+(?:\(\d+\))?)/.exec(line)?.[1]?.toLowerCase() ?? type.toLowerCase();
  const sql = native === 'unsignedbigint' ? 'bigint unsigned' : native;
  return `${columnName(line)} ${sql}${optional ? ' null' : ''}${line.includes('autoincrement()') ? ' auto' : ''}`;
}

function find(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (!found) throw new Error(`${pattern} is not in: ${text}`);
  return found;
}
