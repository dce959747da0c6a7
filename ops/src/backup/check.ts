import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceName } from '../../../services/services.ts';
import { installedMigrations } from './installed.ts';
import { hashFile, parseLine, readLines } from './lines.ts';
import { BackupError, MANIFEST, type Manifest, partFor, readManifest, type ServiceBackup } from './manifest.ts';

/** A backup of one service that was read to its end, and is whole. */
export interface CheckedBackup {
  readonly manifest: Manifest;
  readonly part: ServiceBackup;
  readonly path: string;
}

/**
 * Reads the backup of a service to its end, and changes nothing.
 * @throws BackupError when it was cut off, is damaged, or is of another schema or a newer release
 */
export async function checkBackup(from: string, service: ServiceName): Promise<CheckedBackup> {
  const text = await readFile(join(from, MANIFEST), 'utf8').catch(() => {
    throw new BackupError(`${from} holds no ${MANIFEST}: it is no backup, or one that was cut off`);
  });
  const manifest = readManifest(text);
  const part = partFor(manifest, service, installedMigrations(service));
  const path = join(from, part.file);
  const sha256 = await hashFile(path).catch(() => {
    throw new BackupError(`${path} cannot be read`);
  });
  if (sha256 !== part.sha256) throw new BackupError(`${path} is damaged: its checksum is another`);
  await checkTables(path, part);
  return { manifest, part, path };
}

async function checkTables(path: string, part: ServiceBackup): Promise<void> {
  const found = new Map<string, ReturnType<typeof createHash>>();
  await readLines(path, (text) => {
    const line = parseLine(text);
    if (!line) return;
    const hash = found.get(line.table) ?? createHash('sha256');
    found.set(line.table, hash.update(`${text}\n`));
  });
  for (const { name, sha256 } of part.tables)
    if (found.get(name)?.digest('hex') !== sha256) throw new BackupError(`${path} is damaged: its table ${name}`);
}
