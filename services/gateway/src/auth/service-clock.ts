import { type ComparedClock, createComparedClock, OutageError, type Runtime } from '@shop/chassis';

const EVERY_MS = 10_000;
/** Until a service has answered, ms. */
const AT_FIRST_MS = 1_000;
const ANSWER_MS = 1_000;

/**
 * The time of the services, which is that of their databases. What is signed for them is judged by it, and so are
 * tokens. While no service answers, the last comparison holds; before the first one it is this machine's own clock.
 */
export async function openServiceClock(
  { logger, metrics, repeat }: Pick<Runtime, 'logger' | 'metrics' | 'repeat'>,
  urls: readonly string[],
): Promise<ComparedClock> {
  const clock = createComparedClock({ readTime: () => firstTime(urls), logger, metrics });
  const compare = async (): Promise<boolean> => {
    try {
      await clock.compare();
      return true;
    } catch (error) {
      // That services are away is told by the breakers.
      logger.debug({ err: error }, 'the clock was not compared');
      return clock.isCompared;
    }
  };
  await compare();
  repeat({ name: 'compare-clocks', everyMs: EVERY_MS, restMs: AT_FIRST_MS, run: compare });
  return clock;
}

/** The time of the service that answers first. */
async function firstTime(urls: readonly string[]): Promise<number> {
  try {
    return await Promise.any(urls.map(timeOf));
  } catch (error) {
    throw new OutageError('no service tells its time', { cause: error });
  }
}

async function timeOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const { time } = (await answer.json()) as { time?: unknown };
  if (typeof time !== 'number') throw new Error(`${url} does not tell the time`);
  return time;
}
