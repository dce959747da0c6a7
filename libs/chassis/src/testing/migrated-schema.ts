import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestDatabase, uniqueSchemaDatabase } from './unique-schema.ts';

/** An empty schema for one test file, with the migrations of `<prisma>/migrations` applied. */
export function migratedSchema(prisma: string): Promise<TestDatabase> {
  const migrations = join(prisma, 'migrations');
  const names = readdirSync(migrations).sort();
  return uniqueSchemaDatabase(names.map((name) => readFileSync(join(migrations, name, 'migration.sql'), 'utf8')));
}
