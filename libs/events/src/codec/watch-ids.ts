import { describe, OutageError } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { EventMetrics } from '../metrics.ts';
import { createRepeats } from '../repeats.ts';
import type { Codec } from './codec.ts';

interface WatchOptions {
  readonly codec: Pick<Codec, 'lostIds'>;
  readonly metrics: Pick<EventMetrics, 'schemaIdLost'>;
  readonly logger: EventLogger;
  readonly now?: () => number;
}

/**
 * Looks whether the registry still knows the schema ids that this process writes. If it does not, the process goes on
 * with them: a registry that is restored knows them again, and who reads now knows them from before. But whoever starts
 * meanwhile cannot read what is written, so an operator must be told.
 * @returns one look; never rejects
 */
export function createIdWatch({ codec, metrics, logger, now }: WatchOptions): () => Promise<void> {
  const repeats = createRepeats(now);
  return async () => {
    try {
      const { written, lost } = await codec.lostIds();
      for (const type of written) metrics.schemaIdLost(type, lost.includes(type));
      if (lost.length === 0) return repeats.forget('lost');
      if (repeats.due('lost') !== undefined)
        logger.error({ types: lost }, 'events are written with schema ids that the registry no longer knows');
    } catch (error) {
      // A registry that is away says nothing of its ids.
      if (error instanceof OutageError) logger.debug({ error: describe(error) }, 'schema ids cannot be checked');
      else logger.error({ error: describe(error) }, 'schema ids cannot be checked');
    }
  };
}
