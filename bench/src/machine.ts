import { execFileSync } from 'node:child_process';
import { cpus, freemem, loadavg, totalmem } from 'node:os';

/** The machine of a run, for its report. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly freeMemoryGb: number;
  /** Load average of the minute before: other load on the machine. */
  readonly loadBefore: number;
  readonly node: string;
  readonly commit: string;
  readonly at: string;
}

export function readMachine(): Machine {
  const gigabytes = (bytes: number) => Math.round(bytes / 1e8) / 10;
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: gigabytes(totalmem()),
    freeMemoryGb: gigabytes(freemem()),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    node: process.version,
    commit: commit(),
    at: new Date().toISOString(),
  };
}

function commit(): string {
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const changed =
      execFileSync('git', ['status', '--porcelain', '--', 'libs', 'services', 'deploy'], {
        encoding: 'utf8',
      }).trim() !== '';
    return changed ? `${head}, with changes` : head;
  } catch {
    return 'unknown';
  }
}
