import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BackupError } from './manifest.ts';

/**
 * Makes the folder that a backup is written into, beside the one whose name it gets at its end. Its name is its own,
 * so that two backups to one folder do not write into each other.
 * @param to the absolute path of the backup
 * @throws BackupError when `to` is anything but an empty folder
 */
export async function beginFolder(to: string, say: (words: string) => void): Promise<string> {
  const status = await lstat(to).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (status && !status.isDirectory()) throw new BackupError(`${to} is no folder: name a new one`);
  if (status && (await readdir(to)).length > 0) throw new BackupError(`${to} is not empty: name a new folder`);
  await mkdir(dirname(to), { recursive: true });
  for (const name of await readdir(dirname(to)))
    if (name.startsWith(`${basename(to)}.`) && name.endsWith('.part'))
      say(`${join(dirname(to), name)} is of a backup that was cut off, or that still runs. If none runs, remove it.`);
  const part = `${to}.${randomBytes(4).toString('hex')}.part`;
  await mkdir(part);
  return part;
}

/**
 * Brings the files to the disk, and gives the folder its name, in one step that replaces an empty folder only.
 * @throws BackupError when there is something else by now: another backup was quicker
 */
export async function finishFolder(part: string, to: string): Promise<void> {
  for (const name of [...(await readdir(part)), '.']) await sync(join(part, name));
  await rename(part, to).catch((error: NodeJS.ErrnoException) => {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(error.code ?? ''))
      throw new BackupError(`${to} is not empty any more, or no folder: it was left as it is. Name a new folder`);
    throw error;
  });
  await sync(dirname(part));
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
