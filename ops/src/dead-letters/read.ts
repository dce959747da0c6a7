import { SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import type { SqlReader } from '../sql.ts';

export type Status = 'DEAD' | 'PARKED' | 'REDRIVE' | 'REDRIVEN' | 'DISCARDED';

/**
 * A dead letter, or a message parked behind one. Commands name it by `ref` (`payment/12`), since ids are unique only
 * within a schema.
 */
export interface DeadLetter {
  readonly ref: string;
  readonly service: ServiceName;
  readonly id: number;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly status: Status;
  readonly eventId: string | null;
  readonly type: string | null;
  readonly reason: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly failedAt: Date;
  readonly resolvedAt: Date | null;
  readonly resolution: string | null;
}

const COLUMNS = `id, consumer_group AS \`group\`, topic, \`partition\`, \`offset\`, message_key AS \`key\`, status, event_id AS eventId,
  event_type AS type, reason, error, attempts, failed_at AS failedAt, resolved_at AS resolvedAt, resolution`;

/** @throws when `ref` is not `<service>/<number>` */
export function parseRef(ref: string): { service: ServiceName; id: number } {
  const [, name, id] = /^([a-z]+)\/(\d+)$/.exec(ref) ?? [];
  const service = SERVICE_NAMES.find((each) => each === name);
  if (!service)
    throw new Error(
      `${ref} is no dead letter's id; they are written like payment/12, as \`dead-letters list\` shows them`,
    );
  return { service, id: Number(id) };
}

async function read(
  sql: SqlReader,
  service: ServiceName,
  rest: string,
  params: readonly (string | number | string[])[],
): Promise<DeadLetter[]> {
  const rows = await sql.query<Omit<DeadLetter, 'ref' | 'service'>>(
    `SELECT ${COLUMNS} FROM ${schemaOf(service)}.dead_letter ${rest}`,
    params,
  );
  return rows.map((row) => ({ ref: `${service}/${row.id}`, service, ...row }));
}

/** Dead letters with the given statuses, oldest first. */
export async function readDeadLetters(
  sql: SqlReader,
  statuses: readonly Status[],
  filter: { group?: string | undefined; service?: ServiceName | undefined } = {},
): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (const service of filter.service ? [filter.service] : SERVICE_NAMES) {
    const byGroup = filter.group === undefined ? '' : ' AND consumer_group = ?';
    letters.push(
      ...(await read(sql, service, `WHERE status IN (?)${byGroup} ORDER BY id`, [
        [...statuses],
        ...(filter.group === undefined ? [] : [filter.group]),
      ])),
    );
  }
  return letters;
}

/** Whether a group has ever set a message aside that is kept, however it ended. */
export async function hasLetters(sql: SqlReader, group: string): Promise<boolean> {
  for (const service of SERVICE_NAMES) {
    const rows = await sql.query(`SELECT 1 FROM ${schemaOf(service)}.dead_letter WHERE consumer_group = ? LIMIT 1`, [
      group,
    ]);
    if (rows.length > 0) return true;
  }
  return false;
}

/** @throws when there is no such letter */
export async function readDeadLetter(sql: SqlReader, ref: string): Promise<DeadLetter> {
  const { service, id } = parseRef(ref);
  const [letter] = await read(sql, service, 'WHERE id = ?', [id]);
  if (!letter) throw new Error(`there is no dead letter ${ref}`);
  return letter;
}

/** The letter's original bytes and headers. */
export async function readMessage(
  sql: SqlReader,
  { service, id }: DeadLetter,
): Promise<{ payload: Buffer | null; headers: Record<string, string> }> {
  const [row] = await sql.query<{ payload: Buffer | null; headers: string | Record<string, string> }>(
    `SELECT payload, headers FROM ${schemaOf(service)}.dead_letter WHERE id = ?`,
    [id],
  );
  const headers =
    typeof row?.headers === 'string' ? (JSON.parse(row.headers) as Record<string, string>) : (row?.headers ?? {});
  return { payload: row?.payload ?? null, headers };
}

/** Unresolved messages of the letter's group and key, in the order in which they will be applied. */
export async function readBehind(sql: SqlReader, letter: DeadLetter): Promise<DeadLetter[]> {
  if (letter.key === null) return [];
  return await read(
    sql,
    letter.service,
    `WHERE consumer_group = ? AND message_key = ? AND status = 'PARKED' AND id <> ? ORDER BY id`,
    [letter.group, letter.key, letter.id],
  );
}

/** Dead letters that fail alike, so that a list stays short when there are thousands. */
export interface DeadLetterGroup {
  readonly group: string;
  readonly type: string;
  readonly reason: string;
  readonly error: string;
  readonly dead: number;
  readonly parked: number;
  readonly redriving: number;
  readonly oldest: Date;
  readonly examples: readonly string[];
}

/** Groups by consumer, type and error; parked messages count with the letter they wait for. */
export function groupDeadLetters(letters: readonly DeadLetter[]): DeadLetterGroup[] {
  const fronts = letters.filter((letter) => letter.status === 'DEAD' || letter.status === 'REDRIVE');
  const parked = Map.groupBy(
    letters.filter((letter) => letter.status === 'PARKED'),
    (letter) => `${letter.group} ${letter.key}`,
  );
  const groups = Map.groupBy(fronts, (letter) =>
    JSON.stringify([letter.group, letter.type, letter.reason, commonError(letter.error, letter.key)]),
  );
  return [...groups]
    .map(([name, members]) => {
      const [group, type, reason, error] = JSON.parse(name) as [string, string | null, string, string];
      const keys = new Set(members.map((letter) => `${letter.group} ${letter.key}`));
      return {
        group,
        type: type ?? '(unreadable)',
        reason,
        error,
        dead: members.filter((letter) => letter.status === 'DEAD').length,
        parked: [...keys].reduce((sum, key) => sum + (parked.get(key)?.length ?? 0), 0),
        redriving: members.filter((letter) => letter.status === 'REDRIVE').length,
        oldest: new Date(Math.min(...members.map((letter) => letter.failedAt.getTime()))),
        examples: members.slice(0, 5).map((letter) => letter.ref),
      };
    })
    .sort((a, b) => b.dead + b.parked - (a.dead + a.parked));
}

/** The first line of an error without the parts that differ between messages: ids and numbers. */
function commonError(error: string | null, key: string | null): string {
  const line = (error ?? '').split('\n')[0] ?? '';
  return (key ? line.replaceAll(key, '<key>') : line)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<id>')
    .replaceAll(/\b\d{3,}\b/g, '<n>')
    .slice(0, 160);
}
