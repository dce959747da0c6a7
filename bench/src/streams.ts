import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CpuUse, countCpu, type Watched } from './processes.ts';
import type { Target } from './stack.ts';
import type { FollowersCommand, FollowersMessage, FollowersPlan, Told } from './streams-plan.ts';

/** Resident memory of the processes that hold streams, bytes. */
export type Memory = Readonly<Record<string, number>>;

export interface StreamsRun {
  readonly open: number;
  readonly livePerSecond: number;
  /** Streams of orders placed beside the open streams. */
  readonly live: Told;
  /** The open streams, whose orders then all ended at once. */
  readonly released: Told;
  readonly memory: { readonly before: Memory; readonly open: Memory; readonly after: Memory };
  /** The cost of the open streams while nothing happens, over some seconds. */
  readonly idle: CpuUse;
  /** The same before any stream was open. */
  readonly idleBefore: CpuUse;
  /** The cost while orders were placed and followed beside them. */
  readonly busy: CpuUse;
  /** Time from the beginning of the held orders' end to the last notified stream, ms. */
  readonly releaseMs: number;
}

const IDLE_SECONDS = 10;
const HOLDERS = /^(gateway|order)-\d+$/;

/** Opens streams for held orders, follows others beside them, then ends all. `release` ends the held orders. */
export async function runStreams(
  target: Target,
  plan: FollowersPlan,
  release: () => Promise<void>,
  say: (words: string) => void,
): Promise<StreamsRun> {
  const child = fork(fileURLToPath(new URL('./followers.ts', import.meta.url)), { stdio: 'inherit' });
  const followers = { name: 'followers', pid: child.pid ?? 0 };
  const processes: readonly Watched[] = [...target.processes(), followers];
  try {
    const before = memoryOf(processes);
    const idleBefore = await overIdle(processes);
    const opened = await ask(child, { kind: 'open', plan }, 'opened');
    say(`${opened.streams} streams are open; failed: ${JSON.stringify(opened.failures)}`);
    const idle = await overIdle(processes);
    const open = memoryOf(processes);
    const count = countCpu(processes);
    const live = await ask(child, { kind: 'live' }, 'live');
    const busy = count();
    say(`beside them: ${inWords(live)}`);
    const began = performance.now();
    const releasing = ask(child, { kind: 'released' }, 'released');
    await release();
    const released = await releasing;
    const releaseMs = performance.now() - began;
    say(`all at once: ${inWords(released)}`);
    await sleep(2_000);
    const after = memoryOf(processes);
    const { perSecond: livePerSecond } = plan.live;
    const memory = { before, open, after };
    return { open: plan.open, livePerSecond, live, released, memory, idle, idleBefore, busy, releaseMs };
  } finally {
    child.disconnect();
  }
}

export function inWords({ streams, end, late, failures }: Told): string {
  const failed = Object.values(failures).reduce((sum, n) => sum + n, 0);
  const times = `p50 ${end.p50.toFixed(0)} p95 ${end.p95.toFixed(0)} p99 ${end.p99.toFixed(0)} max ${end.max.toFixed(0)} ms`;
  return `${streams} streams, told of the end after ${times}; ${late} opened after it, ${failed} failed`;
}

/** Whether every stream received all of its order's events. */
export function allTold({ streams, end, late, failures }: Told): boolean {
  return Object.keys(failures).length === 0 && end.count + late === streams;
}

async function overIdle(processes: readonly Watched[]): Promise<CpuUse> {
  const count = countCpu(processes);
  await sleep(IDLE_SECONDS * 1_000);
  return count();
}

function memoryOf(processes: readonly Watched[]): Memory {
  const { processes: uses } = countCpu(processes)();
  return Object.fromEntries(
    uses.filter(({ name }) => HOLDERS.test(name)).map(({ name, rssBytes }) => [name, rssBytes]),
  );
}

function ask(child: ChildProcess, command: FollowersCommand, answer: FollowersMessage['kind']): Promise<Told> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the followers ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message: FollowersMessage) => {
      child.off('exit', ended);
      if (message.kind === answer) resolve(message.told);
      else reject(new Error(`the followers said ${message.kind} instead of ${answer}`));
    });
    child.send(command);
  });
}
