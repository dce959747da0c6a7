import type { KafkaAdmin } from '@shop/events';
import { metricsUrl, SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import type { Addresses } from '../addresses.ts';
import type { LogReader } from '../audit/log.ts';
import { connectKafka, openLog } from '../kafka-log.ts';
import { groupsOfNewLog, isInUse, lostGroups, newLogUnknown } from '../lost-places.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import { connectSql, LOOK_MS, type SqlReader } from '../sql.ts';
import { withClosing } from '../with-closing.ts';
import { type MessagingState, readGauges, readMessagingState, readOpenBreakers } from './gauges.ts';
import { readLags } from './lags.ts';
import { type OpenLetters, readOpenLetters } from './letters.ts';

export interface InstanceStatus {
  readonly service: string;
  readonly url: string;
  readonly live: boolean;
  readonly ready: boolean;
  /** The instance's reason for not being ready. */
  readonly detail: string;
  /** Whether it tells its measures: without them nothing below is known. */
  readonly measured: boolean;
  /** Its machine's clock less its database's, ms; undefined where it is not measured. */
  readonly clockSkewMs: number | undefined;
  /** State of its relay and consumers; undefined for the gateway, and for an instance that does not answer. */
  readonly messaging: MessagingState | undefined;
  /** Services whose breaker is open at this gateway; empty for other services. */
  readonly openBreakers: readonly string[];
}

export interface Status {
  readonly instances: readonly InstanceStatus[];
  readonly topics: readonly { readonly topic: string; readonly partitions: number; readonly messages: number }[];
  /** `lag` counts what the log holds; what it no longer holds is told by `lostPlaces`. */
  readonly groups: readonly { readonly group: string; readonly lag: number }[];
  /** Places of groups that the log no longer holds, in words: the group halts there. */
  readonly lostPlaces: readonly { readonly group: string; readonly place: string }[];
  /** Groups whose topics were made anew: they lack what the group has applied. */
  readonly newLog: readonly string[];
  readonly outboxes: readonly { readonly service: ServiceName; readonly waiting: number; readonly oldestMs: number }[];
  readonly deadLetters: readonly OpenLetters[];
  readonly orders: Readonly<Record<string, number>>;
  /** The oldest PENDING orders. */
  readonly oldestPending: readonly { readonly orderId: string; readonly ageMs: number }[];
  /** True when the database takes no writes. */
  readonly readOnly: boolean;
  /** Parts that could not be read. */
  readonly unreachable: readonly string[];
}

/** Reads all parts at once; unreadable parts are listed in the result. */
export async function readStatus(addresses: Addresses): Promise<Status> {
  const unreachable: string[] = [];
  const instances = readInstances(addresses);
  const rows = withClosing(() => connectSql(addresses.auditDatabase, LOOK_MS), readRowStatus).catch((error: Error) => {
    unreachable.push(error.message);
    return { outboxes: [], deadLetters: [], orders: {}, oldestPending: [], readOnly: false };
  });
  const log = withClosing(() => openLog(addresses.brokers), readLogStatus).catch((error: Error) => {
    unreachable.push(`Kafka at ${addresses.brokers.join(',')} cannot be read: ${error.message}`);
    return { topics: [], groups: [] };
  });
  const lost = readLost(addresses).catch((error: Error) => error);
  const read = { instances: await instances, ...(await rows), ...(await log) };
  const { unknown, ...places } = placesOr(await lost, unreachable);
  return { ...read, ...places, unreachable: [...unreachable, ...unknown] };
}

/** The lost places, or that they could not be looked at; that is not said twice of a server that is away (`told`). */
function placesOr(lost: LostPlaces | Error, told: readonly string[]): LostPlaces {
  if (!(lost instanceof Error)) return lost;
  const words = `whether the log holds the places of all groups could not be looked at: ${lost.message}`;
  return { lostPlaces: [], newLog: [], unknown: told.length > 0 ? [] : [words] };
}

/** How long an instance may take to answer, ms. */
const PROBE_MS = 2_000;

/** Asks every instance of the gateway and of these services for its health. */
export async function readInstances(
  addresses: Pick<Addresses, 'gateways' | 'services'>,
  names: readonly ServiceName[] = SERVICE_NAMES,
): Promise<InstanceStatus[]> {
  const services: [string, readonly string[]][] = [
    ['gateway', addresses.gateways],
    ...names.map((service): [string, readonly string[]] => [service, addresses.services[service].urls]),
  ];
  return await Promise.all(services.flatMap(([service, urls]) => urls.map((url) => probe(service, url))));
}

async function probe(service: string, url: string): Promise<InstanceStatus> {
  const ask = async (from: string) => {
    try {
      const answer = await fetch(from, { signal: AbortSignal.timeout(PROBE_MS) });
      return { ok: answer.ok, text: await answer.text() };
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return { ok: false, text: cause instanceof Error ? cause.message : String(cause) };
    }
  };
  const [live, ready, metrics] = await Promise.all([
    ask(`${url}/health/live`),
    ask(`${url}/health/ready`),
    ask(metricsUrl(url)),
  ]);
  const messaging = metrics.ok && service !== 'gateway' ? readMessagingState(metrics.text) : undefined;
  const openBreakers = metrics.ok ? readOpenBreakers(metrics.text) : [];
  const [skew] = metrics.ok ? readGauges(metrics.text, 'clock_skew_seconds') : [];
  const clockSkewMs = skew && skew.value * 1_000;
  const detail = ready.ok ? '' : ready.text.slice(0, 200);
  const { ok: measured } = metrics;
  return { service, url, live: live.ok, ready: ready.ok, detail, measured, clockSkewMs, messaging, openBreakers };
}

/** Groups whose next or earlier messages the log does not hold any more. */
type LostPlaces = Pick<Status, 'lostPlaces' | 'newLog'> & { readonly unknown: readonly string[] };

function readLost({ brokers, auditDatabase }: Addresses): Promise<LostPlaces> {
  return withClosing(
    () => connectSql(auditDatabase, LOOK_MS),
    (sql) =>
      withClosing(
        () => connectKafka(brokers),
        (log) => lostPlacesOf(log, sql),
      ),
  );
}

export async function lostPlacesOf(
  log: Pick<KafkaAdmin, 'places' | 'ranges' | 'topics'>,
  sql: SqlReader,
): Promise<LostPlaces> {
  const lost = (await lostGroups(log, sql)).filter(isInUse);
  const newLog = await groupsOfNewLog(log, sql, Date.now());
  return {
    lostPlaces: lost.flatMap(({ group, places }) => places.map(({ words }) => ({ group: group.group, place: words }))),
    newLog: newLog.found.map(({ group }) => group),
    unknown: newLogUnknown(newLog),
  };
}

async function readLogStatus(log: LogReader): Promise<Pick<Status, 'topics' | 'groups'>> {
  const held = await log.held(RUNNING_TOPICS);
  const lags = await readLags(log, held);
  const groups = [...Map.groupBy(lags, ({ group }) => group)].map(([group, of]) => ({
    group,
    lag: of.reduce((sum, { lag }) => sum + lag, 0),
  }));
  const topics = RUNNING_TOPICS.map((topic) => {
    const ranges = held.filter((range) => range.topic === topic);
    return {
      topic,
      partitions: ranges.length,
      messages: ranges.reduce((sum, range) => sum + range.to - range.from, 0),
    };
  });
  return { topics, groups };
}

/** Whether the server takes no writes: someone set it so, or it is a replica. */
export async function isReadOnlyServer(sql: SqlReader): Promise<boolean> {
  const [row] = await sql.query<{ readOnly: number }>(
    'SELECT @@GLOBAL.read_only OR @@GLOBAL.innodb_read_only AS readOnly',
  );
  return row?.readOnly === 1;
}

async function readRowStatus(
  sql: SqlReader,
): Promise<Pick<Status, 'outboxes' | 'deadLetters' | 'orders' | 'oldestPending' | 'readOnly'>> {
  const outboxes = [];
  for (const service of SERVICE_NAMES) {
    const [row] = await sql.query<{ waiting: number; oldest: number | null }>(
      `SELECT COUNT(*) AS waiting, TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(3)) / 1000 AS oldest FROM ${schemaOf(service)}.outbox`,
    );
    outboxes.push({ service, waiting: row?.waiting ?? 0, oldestMs: Math.round(row?.oldest ?? 0) });
  }
  const states = await sql.query<{ status: string; n: number }>(
    'SELECT status, COUNT(*) AS n FROM shop_order.orders GROUP BY status',
  );
  const oldestPending = await sql.query<Status['oldestPending'][number]>(
    `SELECT order_id AS orderId, TIMESTAMPDIFF(MICROSECOND, created_at, UTC_TIMESTAMP(3)) DIV 1000 AS ageMs
     FROM shop_order.orders WHERE status = 'PENDING' ORDER BY created_at LIMIT 3`,
  );
  return {
    outboxes,
    deadLetters: await readOpenLetters(sql),
    orders: Object.fromEntries(states.map(({ status, n }) => [status, n])),
    oldestPending,
    readOnly: await isReadOnlyServer(sql),
  };
}
