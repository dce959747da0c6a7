import { readFileSync } from 'node:fs';

/** A process whose CPU is counted. */
export interface Watched {
  readonly name: string;
  readonly pid: number;
}

export interface ProcessUse {
  readonly name: string;
  /** Seconds of CPU, user and kernel, between the two readings. */
  readonly cpuSeconds: number;
  /** Resident memory at the second reading, bytes. */
  readonly rssBytes: number;
}

export interface CpuUse {
  readonly processes: readonly ProcessUse[];
  /** CPU of everything else on the machine: other people's work, the kernel's own threads. */
  readonly othersSeconds: number;
  readonly idleSeconds: number;
  /** Time between the readings. */
  readonly wallSeconds: number;
}

/** Share of all processors used by unlisted work, 0 to 1. */
export function othersShare({ processes, othersSeconds, idleSeconds }: CpuUse): number {
  const all = processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, othersSeconds + idleSeconds);
  return all > 0 ? othersSeconds / all : 0;
}

interface Reading {
  readonly at: number;
  readonly ticks: ReadonlyMap<string, number>;
  readonly busyTicks: number;
  readonly idleTicks: number;
}

/** Linux counts CPU time in hundredths of a second, independent of the kernel's own clock. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** User and kernel ticks of all threads, from the text of /proc/<pid>/stat. */
export function cpuTicks(stat: string): number {
  // The command's name is in parentheses and may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Busy and idle ticks of all cores, from the text of /proc/stat. Time stolen by the host counts as busy. */
export function machineTicks(stat: string): { busy: number; idle: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = (
    stat.split('\n')[0] ?? ''
  )
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busy: user + nice + system + irq + softirq + steal, idle: idle + iowait };
}

/** Starts counting; the returned function ends it. A process that has ended by then is left out. */
export function countCpu(watched: readonly Watched[]): () => CpuUse {
  const before = read(watched);
  return () => {
    const after = read(watched);
    const processes = watched.flatMap(({ name, pid }): ProcessUse[] => {
      const from = before.ticks.get(name);
      const to = after.ticks.get(name);
      return from === undefined || to === undefined
        ? []
        : [{ name, cpuSeconds: (to - from) / TICKS_PER_SECOND, rssBytes: residentBytes(pid) }];
    });
    const listed = processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
    return {
      processes,
      othersSeconds: Math.max(0, (after.busyTicks - before.busyTicks) / TICKS_PER_SECOND - listed),
      idleSeconds: (after.idleTicks - before.idleTicks) / TICKS_PER_SECOND,
      wallSeconds: (after.at - before.at) / 1_000,
    };
  };
}

function read(watched: readonly Watched[]): Reading {
  const machine = machineTicks(readFileSync('/proc/stat', 'utf8'));
  const ticks = new Map<string, number>();
  for (const { name, pid } of watched) {
    const stat = readProc(pid, 'stat');
    if (stat) ticks.set(name, cpuTicks(stat));
  }
  return { at: performance.now(), ticks, busyTicks: machine.busy, idleTicks: machine.idle };
}

function residentBytes(pid: number): number {
  return Number(readProc(pid, 'statm').split(' ')[1] ?? 0) * PAGE_BYTES;
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
