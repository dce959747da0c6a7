import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { joinRows, type Line, literal, parseLine, readLines, renderLine } from './lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'backup-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the file of a schema', () => {
  it('when a statement is written and read, then it is the same, whatever stands in it', () => {
    const line: Line = { verb: 'INSERT INTO', table: 'outbox', rest: " (`id`) VALUES ('a;\\n`b`'),('한국어')" };
    expect(parseLine(renderLine(line).trimEnd())).toEqual(line);
    expect(parseLine('SET NAMES utf8mb4;')).toBeUndefined();
  });

  it('when values are written as SQL, then bytes are hexadecimal and large numbers whole', () => {
    const connection = { escape: (text: string) => `'${text}'` };
    const values = [null, 5, 9_007_199_254_740_993n, 'a', Buffer.from([0, 255]), Buffer.alloc(0)];
    expect(values.map((value) => literal(connection, value))).toEqual([
      ...['NULL', '5', '9007199254740993', "'a'", '0x00ff', "''"],
    ]);
  });

  it('when rows are many, then statements stay short and no row is lost', async () => {
    const row = `(${'x'.repeat(1_000)})`;
    async function* rows() {
      for (let n = 0; n < 1_000; n += 1) yield row;
    }
    const parts: { values: string; rows: number }[] = [];
    for await (const part of joinRows(rows())) parts.push(part);
    expect(parts.reduce((sum, part) => sum + part.rows, 0)).toBe(1_000);
    expect(parts.map((part) => part.values).join(',')).toBe(Array.from({ length: 1_000 }, () => row).join(','));
    for (const { values } of parts) expect(values.length).toBeLessThan(300_000);
  });

  it('when a file is read, then its lines come whole although its pieces end within them', async () => {
    const lines = Array.from({ length: 5_000 }, (_, n) => `${n} ${'가'.repeat(n % 50)}`);
    const path = join(folder, 'a.gz');
    writeFileSync(path, gzipSync(`${lines.join('\n')}\n`));
    const found: string[] = [];
    await readLines(path, (line) => void found.push(line));
    expect(found).toEqual(lines);
  });

  it('when a file was cut off, then reading it fails', async () => {
    const path = join(folder, 'b.gz');
    writeFileSync(path, gzipSync('a\n'.repeat(10_000)).subarray(0, 20));
    await expect(readLines(path, () => {})).rejects.toThrow(/unexpected end/);
  });
});
