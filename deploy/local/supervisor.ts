import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type PidRecord, readRecords, tail } from './processes.ts';
import { progress } from './progress.ts';
import type { Stack } from './stack.ts';

/** Restarts one kind of process. */
export type Restart = (record: PidRecord) => Promise<void>;

const longestPauseMs = 30_000;
const recentMs = 5_000;

/**
 * The pause before the next restart, ms: it doubles from half a second; a process that ran for a minute starts over.
 */
export function restartPause(earlierFailures: number): number {
  return Math.min(longestPauseMs, 500 * 2 ** earlierFailures);
}

/** The lines a process wrote right before its end. Older lines would look like the cause. */
function lastWords(record: PidRecord): string {
  const { log } = record;
  const lines = linesOf(tail(record, 8), Date.now() - recentMs);
  return lines.length > 0
    ? `${log} ends with:\n${lines.join('\n')}`
    : `Its log says nothing about it, as after a kill: ${log}`;
}

/** The lines from `since` (ms) on. A line without a time, as of a stack trace, has the time of the line before it. */
export function linesOf(text: string, since: number): string[] {
  const lines = text.split('\n');
  let isRecent = lines.every((line) => timeOf(line) === undefined);
  return lines.filter((line) => {
    const time = timeOf(line);
    if (time !== undefined) isRecent = time >= since;
    return isRecent;
  });
}

function timeOf(line: string): number | undefined {
  const [, time] = /"time":"([^"]+)"/.exec(line) ?? [];
  return time === undefined ? undefined : Date.parse(time);
}

/**
 * Watches every recorded process of a stack. A process that ended without being asked to (its record is still there) is
 * reported and restarted, after a pause that doubles.
 * @returns ends the watching
 */
export function supervise(stack: Stack, restart: Restart): () => void {
  const pids = join(stack.dir, 'pids');
  const failures = new Map<string, { count: number; lastStart: number }>();
  const busy = new Map<string, Promise<void>>();
  let ended = false;

  const revive = async (record: PidRecord) => {
    const earlier = failures.get(record.name);
    const count = earlier && Date.now() - earlier.lastStart < 60_000 ? earlier.count : 0;
    const pause = restartPause(count);
    progress(
      record.name,
      `died, and nobody stopped it here; starting it again in ${pause / 1000} s. ${lastWords(record)}`,
    );
    await sleep(pause, undefined, { ref: false });
    if (ended) return;
    failures.set(record.name, { count: count + 1, lastStart: Date.now() });
    try {
      await restart(record);
      const again = readRecords(pids).find(({ name }) => name === record.name);
      progress(record.name, `runs again${again ? ` (pid ${again.pid})` : ''}`);
    } catch (error) {
      if (!ended) progress(record.name, error instanceof Error ? error.message : String(error));
    }
  };

  const timer = setInterval(() => {
    for (const record of readRecords(pids)) {
      if (isRunning(record) || busy.has(record.name)) continue;
      busy.set(
        record.name,
        revive(record).finally(() => busy.delete(record.name)),
      );
    }
  }, 500);

  return () => {
    ended = true;
    clearInterval(timer);
  };
}
