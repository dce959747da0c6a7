import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderOf, type ServiceName } from '../../../services/services.ts';
import type { Migration } from './manifest.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The folder of a service's migrations in the release that is installed here. */
export function migrationsFolder(service: ServiceName): string {
  return join(ROOT, folderOf(service), 'prisma/migrations');
}

export function installedMigrations(service: ServiceName): Migration[] {
  const folder = migrationsFolder(service);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'));
      return { name, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

/** The version of the shop that is installed here. */
export function installedRelease(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}
