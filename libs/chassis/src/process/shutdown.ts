import type { Logger } from 'pino';
import type { Health } from './health.ts';

export interface Shutdown {
  /** Registers a stop hook. Hooks run one after the other, the last registered first: in reverse order of starting. */
  onStop(name: string, stop: () => Promise<void> | void): void;
  /** Stops everything and exits. Further calls return the first one's promise. */
  stop(reason: string, exitCode?: number): Promise<void>;
  /** True from the first signal on. */
  readonly stopping: boolean;
}

export interface ShutdownOptions {
  readonly logger: Logger;
  /** Reports not ready from the first signal on. */
  readonly health?: Health;
  /** Longest time of all hooks together, ms; default 15,000. After it the process exits with 1. */
  readonly timeoutMs?: number;
  /** Replaced by tests. */
  readonly exit?: (code: number) => void;
  readonly signals?: NodeJS.EventEmitter;
}

/**
 * SIGTERM or SIGINT: not ready, then the stop hooks, then exit 0 (1 if a hook failed or the time ran out). A second
 * signal exits at once. An uncaught exception or unhandled rejection is logged and ends the process with 1.
 */
// One function: the hooks and the running stop are shared by the signals and the methods.
export function createShutdown(options: ShutdownOptions): Shutdown {
  const { logger, health, timeoutMs = 15_000, exit = (code) => process.exit(code), signals = process } = options;
  const hooks: { name: string; stop: () => Promise<void> | void }[] = [];
  let running: Promise<void> | undefined;

  async function runHooks(reason: string, exitCode: number): Promise<void> {
    logger.info({ reason }, 'stopping');
    health?.drain();
    let code = exitCode;
    let current = '';
    const timer = setTimeout(() => {
      logger.error({ hook: current, timeoutMs }, 'stopping took too long');
      exit(1);
    }, timeoutMs);
    for (const hook of hooks.toReversed()) {
      current = hook.name;
      try {
        await hook.stop();
      } catch (error) {
        logger.error({ err: error, hook: hook.name }, 'a stop hook failed');
        code = 1;
      }
    }
    clearTimeout(timer);
    logger.info({ code }, 'stopped');
    exit(code);
  }

  function stop(reason: string, exitCode = 0): Promise<void> {
    running ??= runHooks(reason, exitCode);
    return running;
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    signals.on(signal, () => {
      if (running) {
        logger.warn({ signal }, 'second signal: exiting at once');
        exit(1);
      } else void stop(signal);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    signals.on(event, (error: unknown) => {
      logger.fatal({ err: error }, event);
      exit(1);
    });
  }

  return {
    onStop: (name, hook) => void hooks.push({ name, stop: hook }),
    stop,
    get stopping() {
      return running !== undefined;
    },
  };
}
