import { type KafkaAdmin, leavePositions, letterIdOf } from '@shop/events';
import { SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import { connectOwn } from '../own-schema.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import type { SqlReader } from '../sql.ts';
import { withClosing } from '../with-closing.ts';

/** Most letters in one transaction. */
const CHUNK = 500;

/** Letters of one service, by `id`, at whose positions the topics hold other records, or none yet. */
export interface FormerLetters {
  readonly service: ServiceName;
  readonly letters: readonly number[];
}

interface Letter {
  readonly service: ServiceName;
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly eventId: string | null;
}

/**
 * Finds letters of a former log: topics that were deleted and made anew begin at offset 0 again. Letters are read
 * before the topics, so the record of a new one is there. What retention has removed is left as it is.
 */
export async function findFormerLetters(
  log: Pick<KafkaAdmin, 'ranges' | 'read'>,
  sql: SqlReader,
): Promise<FormerLetters[]> {
  const letters: Letter[] = [];
  for (const service of SERVICE_NAMES) letters.push(...(await lettersOf(sql, service)));
  const byPartition = Map.groupBy(letters, ({ topic, partition }) => `${topic}/${partition}`);
  const held = (await log.ranges(RUNNING_TOPICS)).flatMap((range) => {
    const own = byPartition.get(`${range.topic}/${range.partition}`)?.filter(({ offset }) => offset >= range.low) ?? [];
    return own.length > 0 ? [{ range, own }] : [];
  });
  const wanted = new Set(held.flatMap(({ own }) => own.map(positionOf)));
  const found = new Map<string, string | null>();
  const ranges = held.map(({ range, own }) => ({ ...range, from: BigInt(Math.min(...own.map((it) => it.offset))) }));
  await log.read(
    ranges.filter(({ from, to }) => from < to),
    (record) => {
      const position = positionOf(record);
      if (wanted.has(position)) found.set(position, letterIdOf(record));
    },
  );
  const former = held.flatMap(({ own }) => own).filter((letter) => found.get(positionOf(letter)) !== letter.eventId);
  return SERVICE_NAMES.map((service) => ({
    service,
    letters: former.filter((letter) => letter.service === service).map(({ id }) => id),
  })).filter((of) => of.letters.length > 0);
}

/** Takes the letters away from their positions, which mean other records now. They are kept, and stay as they are. */
export async function moveFormerLetters(
  sql: SqlReader,
  addresses: Addresses,
  { service, letters }: FormerLetters,
): Promise<void> {
  await withClosing(
    () => connectOwn(sql, addresses, service),
    async (own) => {
      for (let i = 0; i < letters.length; i += CHUNK)
        await own.transaction((tx) => leavePositions(tx, letters.slice(i, i + CHUNK)));
    },
  );
}

async function lettersOf(sql: SqlReader, service: ServiceName): Promise<Letter[]> {
  const rows = await sql.query<Omit<Letter, 'service'>>(
    `SELECT id, topic, \`partition\`, \`offset\`, event_id AS eventId FROM ${schemaOf(service)}.dead_letter WHERE \`partition\` >= 0`,
  );
  return rows.map((row) => ({ service, ...row }));
}

function positionOf({ topic, partition, offset }: { topic: string; partition: number; offset: number | string }) {
  return `${topic}/${partition}@${offset}`;
}
