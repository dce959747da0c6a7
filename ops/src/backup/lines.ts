import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Connection } from 'mariadb';
import type { Cell } from './connection.ts';

/** About so many characters in one INSERT. */
const LINE = 256 * 1_024;

/**
 * The file of a schema is SQL, a statement a line: for each table its CREATE TABLE, then its rows. So the tools of the
 * server can read it too: `zcat shop_payment.sql.gz | mysql shop_payment`.
 */
export interface Line {
  readonly table: string;
  /** A statement without its table: `CREATE TABLE` or `INSERT INTO`, and what follows the name. */
  readonly verb: 'CREATE TABLE' | 'INSERT INTO';
  readonly rest: string;
}

export function renderLine({ table, verb, rest }: Line): string {
  return `${verb} \`${table}\`${rest};\n`;
}

/** The lines of a dump that stand before its tables. */
export const PREAMBLE = `SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0;\n`;

/** @returns undefined for a line that is of no table */
export function parseLine(text: string): Line | undefined {
  const found = /^(CREATE TABLE|INSERT INTO) `([^`]+)`(.*);$/s.exec(text);
  if (!found) return undefined;
  const [, verb, table = '', rest = ''] = found;
  return { verb: verb === 'CREATE TABLE' ? verb : 'INSERT INTO', table, rest };
}

/** A value as SQL. The driver escapes text, so that no line holds a line break. */
export function literal(connection: Pick<Connection, 'escape'>, value: Cell): string {
  if (value === null) return 'NULL';
  if (Buffer.isBuffer(value)) return value.length > 0 ? `0x${value.toString('hex')}` : "''";
  if (typeof value === 'string') return connection.escape(value);
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new Error(`a value of a kind that no table of the shop has: ${value satisfies never}`);
}

/** Puts rows (`(1,'a')`) together to INSERT statements of a bearable length, with the number of rows of each. */
export async function* joinRows(
  rows: AsyncIterable<string>,
): AsyncGenerator<{ readonly values: string; readonly rows: number }> {
  let part: string[] = [];
  let length = 0;
  for await (const row of rows) {
    part.push(row);
    length += row.length + 1;
    if (length < LINE) continue;
    yield { values: part.join(','), rows: part.length };
    part = [];
    length = 0;
  }
  if (part.length > 0) yield { values: part.join(','), rows: part.length };
}

/** Reads a compressed file line by line; the next line waits until `each` has resolved. */
export async function readLines(path: string, each: (line: string) => Promise<void> | void): Promise<void> {
  const text = createGunzip();
  text.setEncoding('utf8');
  await pipeline(createReadStream(path), text, async (source: AsyncIterable<string>) => {
    let rest: string[] = [];
    for await (const chunk of source) {
      const [first = '', ...more] = chunk.split('\n');
      rest.push(first);
      for (const start of more) {
        await each(rest.join(''));
        rest = [start];
      }
    }
    const last = rest.join('');
    if (last !== '') await each(last);
  });
}

/** SHA-256 of a file. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
