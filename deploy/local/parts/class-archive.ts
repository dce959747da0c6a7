import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, isRunning, launch, refuseWhenEnding, tail } from '../processes.ts';
import { progress } from '../progress.ts';
import type { Command, Site } from './server.ts';

// The JVM ignores an archive that does not fit (another Java, moved jars), and should not warn about it.
const quiet = ['-Xlog:cds=off', '-Xlog:cds+dynamic=off'];

/** The JVM options to start with a recorded archive. */
export function useClasses(archive: string): string[] {
  return [`-XX:SharedArchiveFile=${archive}`, ...quiet];
}

export interface Rehearsal {
  site: Site;
  command: Command;
  probe: (site: Site) => Promise<void>;
}

/**
 * Runs a Java server once on temporary data, so that the JVM records the classes it loads (AppCDS); later starts read
 * that file instead of some thousand jar entries. Without the file a server still starts, only slower.
 * @param prepare gets the required JVM options
 */
export async function recordClasses(
  name: string,
  archive: string,
  prepare: (jvmOptions: string[]) => Promise<Rehearsal>,
): Promise<void> {
  const { site, command, probe } = await prepare([`-XX:ArchiveClassesAtExit=${archive}`, ...quiet]);
  progress(name, 'running once to record its classes');
  const record = await launch({
    name: `${name}-classes`,
    ...command,
    env: { ...process.env, ...command.env },
    log: join(site.data, 'output.log'),
    pids: site.data,
  });
  try {
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      refuseWhenEnding();
      if (
        await probe(site).then(
          () => true,
          () => false,
        )
      )
        break;
      if (!isRunning(record) || Date.now() > end) throw new Error(`${name} did not start:\n${tail(record, 15)}`);
    }
  } finally {
    await endProcess(record, 'SIGTERM', 30_000);
    rmSync(site.data, { recursive: true, force: true });
  }
}
