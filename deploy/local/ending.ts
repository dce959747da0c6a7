import { startNothingMore } from './processes.ts';
import { progress } from './progress.ts';
import { abandonRuns } from './run.ts';

/**
 * Runs `end` once when this process is asked to end: Ctrl-C, SIGTERM, a closed terminal, or a launcher that has ended.
 * The launcher passes on a copy of the first Ctrl-C; a Ctrl-C more than a second later exits at once.
 * @returns settles with the exit code after `end`
 */
export function whenAskedToEnd(end: () => Promise<void>): Promise<number> {
  return new Promise((done) => {
    let askedAt = 0;
    const ask = (why: string, code: number) => {
      if (askedAt > 0) {
        if (why === 'SIGINT' && Date.now() - askedAt > 1000) process.exit(130);
        return;
      }
      askedAt = Date.now();
      progress('stack', 'stopping');
      startNothingMore();
      abandonRuns();
      end().then(
        () => {
          progress('stack', `stopped in ${((Date.now() - askedAt) / 1000).toFixed(1)} s`);
          done(code);
        },
        (error: Error) => {
          console.error(`Stopping failed: ${error.message}`);
          done(1);
        },
      );
    };
    process.on('SIGINT', () => ask('SIGINT', 0));
    process.on('SIGTERM', () => ask('SIGTERM', 0));
    process.on('SIGHUP', () => ask('SIGHUP', 0));
    process.once('disconnect', () => ask('disconnect', 0));
  });
}
