import { within } from './within.ts';

/** Resolves when a dependency of the service is available, rejects or throws when not. */
export type HealthCheck = () => Promise<void> | void;

export interface HealthReport {
  readonly status: 'ok' | 'failing';
  /** Names of the checks that failed, with their reason. */
  readonly failing?: Readonly<Record<string, string>>;
  /** The time of the service, ms since the epoch: that of its database. The gateway follows it. */
  readonly time?: number;
}

export interface Health {
  /** Adds a named readiness check. A second check of the same name replaces the first. */
  addCheck(name: string, check: HealthCheck): void;
  /** Lets `live` tell the time; undefined while it is not known. */
  tellTime(now: () => number | undefined): void;
  /** Makes the process not ready from now on, whatever the checks say: it is stopping. */
  drain(): void;
  /**
   * Whether the process is up and its event loop turns. It needs no dependency, so that an outage does not restart
   * every process.
   */
  live(): HealthReport;
  /** Whether every check passed, each within its time. */
  ready(): Promise<HealthReport>;
}

/** @param timeoutMs longest time for one check, ms; default 2,000 */
export function createHealth({ timeoutMs = 2_000 }: { timeoutMs?: number } = {}): Health {
  const checks = new Map<string, HealthCheck>();
  let draining = false;
  let timeNow = (): number | undefined => undefined;
  return {
    addCheck: (name, check) => void checks.set(name, check),
    drain() {
      draining = true;
    },
    tellTime(now) {
      timeNow = now;
    },
    live() {
      const time = timeNow();
      return { status: 'ok', ...(time !== undefined && { time }) };
    },
    async ready() {
      if (draining) return { status: 'failing', failing: { shutdown: 'the process is stopping' } };
      const results = await Promise.all(
        [...checks].map(async ([name, check]) => [name, await outcome(check, timeoutMs)] as const),
      );
      const failing = results.filter((result): result is [string, string] => result[1] !== undefined);
      return failing.length === 0 ? { status: 'ok' } : { status: 'failing', failing: Object.fromEntries(failing) };
    },
  };
}

async function outcome(check: HealthCheck, timeoutMs: number): Promise<string | undefined> {
  try {
    const work = Promise.resolve().then(check);
    await within(timeoutMs, work, () => new Error(`no answer within ${timeoutMs} ms`));
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error);
  }
}
