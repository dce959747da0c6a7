import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENTS, type KafkaAdmin, type TopicPlan } from '@shop/events';
import { folderOf, SERVICE_NAMES, type ServiceName, schemaOf } from '../../../services/services.ts';
import { askRegistry } from '../access.ts';
import type { Addresses } from '../addresses.ts';
import { GROUPS } from '../audit/groups.ts';
import { connectKafka } from '../kafka-log.ts';
import { lostPlaces } from '../lost-places.ts';
import { readRedisState } from '../redis.ts';
import { EXPECTED_TOPICS, RUNNING_TYPES } from '../running-events.ts';
import { connectSql, LOOK_MS, type SqlReader } from '../sql.ts';
import { isSilent, SILENT } from '../status/problems.ts';
import { isReadOnlyServer, readInstances } from '../status/read.ts';
import { offsetsTopicFaults, topicFaults } from '../topics/faults.ts';
import { withClosing } from '../with-closing.ts';
import { examineClocks, examineTimestamps } from './clocks.ts';
import type { Diagnosis } from './diagnosis.ts';
import { groupFailure, groupState, messagingFaults, newLogFaults } from './groups.ts';
import { redisWords } from './redis-state.ts';
import { missingRights } from './rights.ts';

/** Kafka's own: the committed offsets of all groups. */
const OFFSETS_TOPIC = '__consumer_offsets';
const BROKERS = 'docs/runbooks/broker-lost.md';

const ROOT = join(import.meta.dirname, '../../..');

/** Examines every precondition for running orders. */
export async function examine(addresses: Addresses): Promise<Diagnosis[]> {
  const parts = await Promise.all([
    node(),
    databases(addresses),
    kafka(addresses),
    registry(addresses),
    redisServer(addresses),
    instances(addresses),
  ]);
  return parts.flat();
}

async function node(): Promise<Diagnosis[]> {
  const [major = 0] = process.versions.node.split('.').map(Number);
  const what = 'Node';
  return [
    major >= 24
      ? { what, detail: process.version }
      : { what, wrong: `${process.version} is too old`, mend: 'run through npm, which brings Node 24' },
  ];
}

async function databases(addresses: Addresses): Promise<Diagnosis[]> {
  const audit = attempt('audit user', 'see AUDIT_DATABASE_URL; `npm start` creates the user', async () => {
    const sql = await connectSql(addresses.auditDatabase, LOOK_MS);
    try {
      for (const service of SERVICE_NAMES) await sql.query(`SELECT 1 FROM ${schemaOf(service)}.outbox LIMIT 1`);
      const [row] = await sql.query<{ version: string }>('SELECT VERSION() AS version');
      return `may read every schema; server ${row?.version}`;
    } finally {
      await sql.close();
    }
  });
  const writes = attempt('database writes', 'docs/runbooks/database-away.md', async () => {
    if (await withClosing(() => connectSql(addresses.auditDatabase, LOOK_MS), isReadOnlyServer))
      throw new Error('the server is read-only: nothing can be written');
    return 'the server takes writes';
  });
  const ofServices = await Promise.all(
    SERVICE_NAMES.map((service) => serviceSchema(service, addresses.services[service].database)),
  );
  return [await audit, await writes, ...ofServices.flat()];
}

/** The schema of a service, as its user sees it, over one connection. */
async function serviceSchema(service: ServiceName, url: string): Promise<Diagnosis[]> {
  const opened = connectSql(url, LOOK_MS);
  try {
    return [await migrations(service, opened), await rights(service, new URL(url).username, opened)];
  } finally {
    await opened.then(
      (sql) => sql.close(),
      () => undefined,
    );
  }
}

function migrations(service: ServiceName, opened: Promise<SqlReader>): Promise<Diagnosis> {
  const mend = `MIGRATION_DATABASE_URL=… node libs/chassis/src/database/migrate.ts ${folderOf(service)}, or \`npm start\``;
  return attempt(`migrations of ${service}`, mend, async () => {
    const sql = await opened;
    const applied = new Map(
      (
        await sql.query<{ name: string; checksum: string }>(
          'SELECT migration_name AS name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
        )
      ).map((row) => [row.name, row.checksum]),
    );
    const files = migrationFiles(service);
    for (const { name, checksum } of files) {
      if (!applied.has(name)) throw new Error(`${name} is not applied`);
      if (applied.get(name) !== checksum) throw new Error(`${name} was changed after it was applied`);
    }
    return `${files.length} applied`;
  });
}

/** The rights of the user as whom a service works. */
function rights(service: ServiceName, username: string, opened: Promise<SqlReader>): Promise<Diagnosis> {
  const mend = `docs/guides/production.md: GRANT SELECT, INSERT, UPDATE, DELETE ON ${schemaOf(service)}.*`;
  return attempt(`rights of ${service}`, mend, async () => {
    const missing = await missingRights(await opened);
    if (missing.length > 0) throw new Error(`${username} lacks ${missing.join(', ')}`);
    return `${username} may read and write its rows`;
  });
}

function migrationFiles(service: ServiceName): { name: string; checksum: string }[] {
  const folder = join(ROOT, folderOf(service), 'prisma/migrations');
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'migration.sql')))
    .map((name) => ({
      name,
      checksum: createHash('sha256')
        .update(readFileSync(join(folder, name, 'migration.sql')))
        .digest('hex'),
    }));
}

async function kafka(addresses: Addresses): Promise<Diagnosis[]> {
  const { brokers, auditDatabase } = addresses;
  let admin: KafkaAdmin | undefined;
  const connected = await attempt('Kafka', 'see KAFKA_BROKERS; is the broker running?', async () => {
    admin = await connectKafka(brokers);
    return brokers.join(', ');
  });
  const open = admin;
  if (!open) return [connected];
  try {
    return [
      connected,
      ...(await attemptAll('topics', () => topics(open, addresses.topics()))),
      ...(await attemptAll('durability', () => durability(open, addresses.topics()))),
      ...(await groups(open, auditDatabase)),
      ...(await examineTimestamps(open, addresses)),
    ];
  } finally {
    await open.close();
  }
}

async function topics(admin: KafkaAdmin, plan: TopicPlan): Promise<Diagnosis[]> {
  const states = await admin.describeTopics(EXPECTED_TOPICS);
  return states.flatMap((state): Diagnosis[] => {
    const what = `topic ${state.topic}`;
    const faults = topicFaults(state, plan);
    return faults.length > 0
      ? faults.map((fault) => ({ what, ...fault }))
      : [{ what, detail: `${state.partitions} partitions, ${state.replicas} replicas` }];
  });
}

/** What the loss of a broker would cost, beyond each topic's own faults. */
async function durability(admin: KafkaAdmin, plan: TopicPlan): Promise<Diagnosis[]> {
  const what = 'durability';
  if (plan.replicas === undefined)
    return [{ what, detail: 'KAFKA_DURABILITY=single: the loss of a disk may lose acknowledged events' }];
  const there = await admin.brokers();
  const mend = BROKERS;
  const words = `${there} brokers, ${plan.replicas} replicas, ${plan.minInSync} of which have an event before it counts as sent (acks=all)`;
  const brokers: Diagnosis =
    there < plan.replicas
      ? { what, wrong: `${there} brokers are there for ${plan.replicas} replicas`, mend }
      : { what, detail: words };
  const offsets = await admin.describeTopics([OFFSETS_TOPIC]);
  const faults = offsets.flatMap((state) => offsetsTopicFaults(state, plan));
  return [brokers, ...faults.map((fault) => ({ what: `topic ${OFFSETS_TOPIC}`, ...fault }))];
}

async function groups(admin: KafkaAdmin, auditDatabase: string): Promise<Diagnosis[]> {
  // Without the database an empty inbox is assumed: its own check says what is wrong with it.
  const sql = await connectSql(auditDatabase, LOOK_MS).catch(() => undefined);
  const reader: SqlReader = sql ?? { query: async () => [] };
  const found = await Promise.all(
    GROUPS.map(async (group) => {
      const what = `group ${group.group}`;
      try {
        const lost = await lostPlaces(admin, reader, group);
        const words = lost.map((place) => place.words);
        return { what, ...groupState(group, await admin.members(group.group), words) };
      } catch (error) {
        return { what, ...groupFailure(error) };
      }
    }),
  );
  const emptied = await attemptAll('log of all groups', () => newLogFaults(admin, reader, Date.now()));
  await sql?.close();
  return [...found, ...emptied];
}

async function registry({ registry: url }: Addresses): Promise<Diagnosis[]> {
  return await Promise.all(
    RUNNING_TYPES.map((type) =>
      attempt(
        `schema of ${type}`,
        'any service registers its schemas when it starts; see SCHEMA_REGISTRY_URL',
        async () => {
          const subject = EVENTS[type].record;
          const schema = readFileSync(join(ROOT, 'libs/events/schemas', `${type}.avsc`), 'utf8');
          const body = JSON.stringify({ schema: JSON.stringify(JSON.parse(schema)), schemaType: 'AVRO' });
          const compatible = (await ask(url, `/compatibility/subjects/${subject}/versions/latest`, body)) as {
            is_compatible?: boolean;
          };
          if (compatible.is_compatible === false)
            throw new Error(`the schema of this build is not compatible with the registered one of ${subject}`);
          const level = (await ask(url, `/config/${subject}`)) as { compatibilityLevel?: string };
          if (level.compatibilityLevel !== 'FULL_TRANSITIVE')
            throw new Error(
              `${subject} has the compatibility ${level.compatibilityLevel}, and must have FULL_TRANSITIVE`,
            );
          return `${subject}, compatible`;
        },
      ),
    ),
  );
}

async function redisServer({ redis: url }: Addresses): Promise<Diagnosis[]> {
  const look = async () => redisWords(await readRedisState(url));
  return [await attempt('Redis', 'docs/runbooks/redis-away.md; see REDIS_URL', look)];
}

async function ask(url: string, path: string, body?: string): Promise<unknown> {
  const answer = await askRegistry(url)(path, {
    ...(body && { method: 'POST', body, headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' } }),
    signal: AbortSignal.timeout(5_000),
  });
  if (answer.status === 404) throw new Error('it is not registered');
  if (!answer.ok) throw new Error(`the registry answers ${answer.status}`);
  return await answer.json();
}

async function instances(addresses: Addresses): Promise<Diagnosis[]> {
  const found = await readInstances(addresses);
  const states = found.flatMap((instance) => {
    const { service, url, live, ready, detail } = instance;
    const what = `${service} at ${url}`;
    if (isSilent(instance)) return [{ what, wrong: `it ${SILENT}`, mend: 'its log may say why; restart it' }];
    if (ready) return [{ what, detail: 'ready' }, ...messagingFaults(instance)];
    const mend = live ? 'its log says what it waits for' : 'start it';
    return [{ what, wrong: `${live ? 'not ready' : 'away'}: ${detail}`, mend }, ...messagingFaults(instance)];
  });
  return [...states, ...(await examineClocks(addresses, found))];
}

/** One look that fails must not hide what the others find. */
async function attemptAll(what: string, look: () => Promise<Diagnosis[]>): Promise<Diagnosis[]> {
  try {
    return await look();
  } catch (error) {
    return [
      { what, wrong: `it cannot be looked at: ${error instanceof Error ? error.message : error}`, mend: BROKERS },
    ];
  }
}

async function attempt(what: string, mend: string, look: () => Promise<string>): Promise<Diagnosis> {
  try {
    return { what, detail: await look() };
  } catch (error) {
    // `fetch` says only that it failed; its cause says why.
    const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
    return { what, wrong: cause instanceof Error ? cause.message : String(cause), mend };
  }
}
