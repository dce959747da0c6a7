import { EVENTS, type EventType, type IncomingRecord, type KafkaAdmin } from '@shop/events';
import { answeredBy, CATALOG_FACTS } from '../../../services/catalog/src/domain/facts.ts';
import { COUPON_FACTS } from '../../../services/coupon/src/domain/facts.ts';
import { ORDER_FACTS } from '../../../services/order/src/domain/facts.ts';
import { PAYMENT_FACTS } from '../../../services/payment/src/domain/facts.ts';
import type { ServiceName } from '../../../services/services.ts';
import { appliedAmong, GROUPS, topicsOf } from '../audit/groups.ts';
import type { SqlReader } from '../sql.ts';
import { WishError } from './wish-error.ts';

/** The services that can be recovered by their own events, with the types of these events. */
export const RECOVERABLE: Partial<Record<ServiceName, readonly EventType[]>> = {
  order: ORDER_FACTS,
  catalog: CATALOG_FACTS,
  payment: PAYMENT_FACTS,
  coupon: COUPON_FACTS,
  // It publishes nothing.
  ranking: [],
};

type Headed = Pick<IncomingRecord, 'headers' | 'key'>;

/**
 * The id of the consumed event that an own event answers, where that is not its cause. An order hears the causes of its
 * facts again, since its history keeps them: its facts answer nothing.
 */
const ANSWERS: Partial<Record<ServiceName, (record: Headed) => string | undefined>> = {
  order: () => undefined,
  catalog: ({ headers, key }) => answeredBy(headers.ce_type ?? '', key ?? ''),
};

/** The extent of a recovery from `from` on. */
export interface RecoveryPlan {
  readonly service: ServiceName;
  /**
   * Own events by type; `unknownCauses`: those whose cause the inbox does not hold, so they are newer than the backup.
   */
  readonly own: readonly { readonly type: EventType; readonly events: number; readonly unknownCauses: number }[];
  /** Consumed events by type; `open`: neither in the inbox nor answered by an own event, so they would be decided. */
  readonly consumed: readonly { readonly type: EventType; readonly events: number; readonly open: number }[];
  /** Reasons for a refusal, in words. */
  readonly gone: readonly string[];
}

/** @throws WishError for a service that cannot be recovered */
export async function planRecovery(log: KafkaAdmin, sql: SqlReader, name: string, from: Date): Promise<RecoveryPlan> {
  const service = Object.keys(RECOVERABLE).find((each): each is ServiceName => each === name);
  const types = service && RECOVERABLE[service];
  if (!service || !types)
    throw new WishError(
      `${name} cannot be brought forward by its events. These can: ${Object.keys(RECOVERABLE).join(', ')}.`,
    );
  const groups = GROUPS.filter((group) => group.service === service);
  const ownTopics = [...new Set(types.map((type) => EVENTS[type].topic))];
  const causeOf = ({ headers }: Headed) => headers.ce_causationid;
  const answerOf = ANSWERS[service] ?? causeOf;
  const answered = new Set<string>();
  const own = new Map(types.map((type) => [type, { type, events: 0, unknownCauses: 0 }]));

  await log.readRuns(await log.ranges(ownTopics, from), async (records) => {
    const causes: { cause: string; count: { unknownCauses: number } }[] = [];
    for (const record of records) {
      const count = own.get(record.headers.ce_type as EventType);
      if (!count) continue;
      count.events += 1;
      const answer = answerOf(record);
      if (answer) answered.add(answer);
      const cause = answer ?? causeOf(record);
      if (!cause) continue;
      causes.push({ cause, count });
    }
    const known = new Set<string>();
    for (const { group } of groups) {
      const applied = await appliedAmong(sql, group, [...new Set(causes.map(({ cause }) => cause))]);
      for (const id of applied) known.add(id);
    }
    for (const { cause, count } of causes) if (!known.has(cause)) count.unknownCauses += 1;
  });

  const consumed: { type: EventType; events: number; open: number }[] = [];
  for (const group of groups) {
    const counts = new Map(group.handles.map((type) => [type, { type, events: 0, open: 0 }]));
    await log.readRuns(await log.ranges(topicsOf(group), from), async (records) => {
      const heard = records.flatMap(({ headers }) => {
        const count = counts.get(headers.ce_type as EventType);
        const isWanted = group.wants?.(headers) ?? true;
        return count && isWanted && headers.ce_id ? [{ count, id: headers.ce_id }] : [];
      });
      const known = await appliedAmong(sql, group.group, [...new Set(heard.map(({ id }) => id))]);
      for (const { count, id } of heard) {
        count.events += 1;
        if (!known.has(id) && !answered.has(id)) count.open += 1;
      }
    });
    consumed.push(...counts.values());
  }
  const topics = [...new Set([...ownTopics, ...groups.flatMap(topicsOf)])];
  return { service, own: [...own.values()], consumed, gone: await log.goneSince(topics, from) };
}
