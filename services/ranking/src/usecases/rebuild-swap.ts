import { finishReplay, type KafkaAdmin, lagOf } from '@shop/events';
import type { NextGeneration } from '../domain/rebuild.ts';
import { firstHeldDay, GROUP, lockRebuild, type RebuildContext, SALES } from './rebuild-context.ts';

/** Step 4 of a rebuild: its generation goes live, and its differences from the former one are written down. */
export async function swapGenerations(
  context: RebuildContext,
  id: number,
  { generation, firstDay }: NextGeneration,
  log: KafkaAdmin,
): Promise<void> {
  const { database, store, now, repair, logger } = context;
  // KafkaJS silently continues elsewhere if retention was faster than the reading.
  const held = await firstHeldDay(context, log);
  if (held !== undefined && (firstDay === undefined || held > firstDay))
    throw new Error(`meanwhile the topics have lost a part of ${firstDay ?? 'their beginning'}: ask again`);
  const { live } = await database.transaction((tx) => store.share(tx));
  const behind = Number(await lagOf(log, GROUP, SALES));
  const comparison = { ...(await store.compare(database, live, generation)), firstDay: firstDay ?? null, behind };
  await database.transaction(async (tx) => {
    await lockRebuild(context, tx, id, generation);
    const lacking = await store.takeLetters(tx, generation);
    if (lacking.length > 0)
      throw new Error(`the live group has applied what the rebuild could not: ${lacking.join('; ')}`);
    await store.swap(tx, generation, comparison, now());
    await finishReplay(tx, id, 'DONE', now());
  });
  logger.info({ generation, differing: comparison.differing }, 'rebuild: the generation is live');
  // If this fails, the periodic job repairs.
  await repair({ execute: true }).catch((error: unknown) =>
    logger.warn({ err: error }, 'after a rebuild the sorted sets were not replaced at once'),
  );
}
