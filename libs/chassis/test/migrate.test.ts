import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MigrationError, migrate } from '../src/index.ts';
import { type TestDatabase, uniqueSchemaDatabase } from '../src/testing/index.ts';

let test: TestDatabase;
let folder: string;
beforeEach(async () => {
  test = await uniqueSchemaDatabase();
  folder = mkdtempSync(join(tmpdir(), 'migrations-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await test.drop();
});

const FIRST = "CREATE TABLE a (x VARCHAR(20) DEFAULT 'a;b'); -- one; comment\nINSERT INTO a VALUES ('1;2');";

function write(name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'migration.sql'), sql);
}
const run = () => migrate({ url: test.url, folder });
const history = () =>
  test.database.query<Record<string, unknown>>(
    'SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished, applied_steps_count AS steps FROM _prisma_migrations ORDER BY started_at',
  );

describe('migrations', () => {
  it('when some migrations are missing, then they are applied in order, once, and recorded as Prisma does', async () => {
    write('20260101000000_first', FIRST);
    expect(await run()).toEqual(['20260101000000_first']);
    write('20260102000000_second', 'ALTER TABLE a ADD COLUMN y INT;');
    expect(await run()).toEqual(['20260102000000_second']);
    expect(await run()).toEqual([]);
    expect(await history()).toEqual([
      {
        name: '20260101000000_first',
        checksum: createHash('sha256').update(FIRST).digest('hex'),
        finished: 1,
        steps: 1,
      },
      { name: '20260102000000_second', checksum: expect.any(String), finished: 1, steps: 1 },
    ]);
    expect(await test.database.query('SELECT x FROM a')).toEqual([{ x: '1;2' }]);
  });

  it('when two processes start at once, then each migration is applied once', async () => {
    write('20260101000000_first', FIRST);
    const applied = await Promise.all([run(), run(), run()]);
    expect(applied.flat()).toEqual(['20260101000000_first']);
  });

  it('when a migration fails, then it is named with its reason, and the next run stops until an operator has looked', async () => {
    write('20260101000000_first', 'CREATE TABLE a (x INT); CREATE TABLE a (x INT);');
    await expect(run()).rejects.toThrow(/20260101000000_first failed: .*already exists/);
    await expect(run()).rejects.toThrow(/20260101000000_first failed at .*undo or finish by hand/);
    await test.database.execute('DROP TABLE a');
    await test.database.execute('UPDATE _prisma_migrations SET rolled_back_at = UTC_TIMESTAMP(3)');
    write('20260101000000_first', FIRST);
    expect(await run()).toEqual(['20260101000000_first']);
  });

  it('when an applied migration was changed, or the folder is missing, then the error says so', async () => {
    write('20260101000000_first', FIRST);
    await run();
    write('20260101000000_first', `${FIRST} `);
    await expect(run()).rejects.toThrow(/was changed after it had been applied/);
    await expect(migrate({ url: test.url, folder: join(folder, 'none') })).rejects.toThrow(MigrationError);
  });
});
