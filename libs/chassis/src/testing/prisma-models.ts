import { readFileSync } from 'node:fs';

export interface Model {
  /** `<table>.<column> <type>[ null][ auto]` */
  columns: string[];
  /** `<table> unique|index <name> <columns>` */
  keys: string[];
}

/** The models of a schema.prisma, in the terms of information_schema. Prisma's own parser is not available offline. */
export function readModels(file: string): Model[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^model \w+ \{\n(.*?)^\}/gms)].map(([, body = '']) => {
    const lines = body.split('\n').map((line) => line.trim());
    const table = find(body, /@@map\("(\w+)"\)/);
    // A relation is not a column.
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
