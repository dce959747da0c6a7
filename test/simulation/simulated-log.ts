import {
  type Broker,
  type BrokerConsumer,
  type ConsumeOptions,
  type IncomingRecord,
  OutageError,
  type OutgoingRecord,
  type RecordBatch,
  RefusedError,
} from '@shop/events';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';

export interface LogFaults {
  /** Chance that a send is reported as failed after all or part of it was written. */
  lostAcknowledgement: number;
  /** Chance that a batch is delivered again although it was handled. */
  redelivery: number;
}

/** How long a group waits for a dead member before it reassigns its partitions, ms. */
const SESSION_TIMEOUT_MS = 300;
const PAUSE_AFTER_REJECTION_MS = 50;
const MAX_RECORDS_A_BATCH = 8;
/** The records of a topic fall into so many groups, by key and type, of which one may be refused. */
export const RECORD_GROUPS = 4;

/**
 * A log in memory with everything Kafka may do: batches of any size, partitions that move during a batch (the old owner
 * continues as a zombie until it checks), members that die and are missed late, lost answers, repeated deliveries. It
 * keeps the order within a partition and loses nothing, which is all that Kafka promises.
 */
export class SimulatedLog {
  readonly records = new Map<string, IncomingRecord[]>();
  readonly groups = new Map<string, Group>();
  readonly faults: LogFaults;
  /** Topics that the broker refuses now; `topic#n`: some records of the topic, see `RECORD_GROUPS`. */
  readonly refused = new Set<string>();
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly #partitions: number;
  readonly #newRecords = new Map<string, (() => void)[]>();

  constructor(scheduler: Scheduler, random: Random, faults: LogFaults, partitions: number) {
    this.scheduler = scheduler;
    this.random = random;
    this.faults = faults;
    this.#partitions = partitions;
  }

  /** The log for one process. */
  connect(actor: Actor): Broker {
    return {
      send: (records) => this.#send(actor, records),
      consume: (options) => this.#consume(actor, options),
      ensureTopics: async () => undefined,
      close: async () => undefined,
    };
  }

  /** A process has died silently: its groups notice after the session time-out. */
  disconnect(actor: Actor): void {
    for (const group of this.groups.values()) {
      const dead = group.members.filter((member) => member.actor === actor);
      if (dead.length === 0) continue;
      void this.scheduler.sleep(BROKER, SESSION_TIMEOUT_MS, `${group.id}: session time-out`).then(() => {
        for (const member of dead) group.leave(member);
      });
    }
  }

  partitionsOf(topic: string): string[] {
    return Array.from({ length: this.#partitions }, (_, partition) => `${topic}/${partition}`);
  }

  recordsOf(partition: string): IncomingRecord[] {
    let records = this.records.get(partition);
    if (!records) {
      records = [];
      this.records.set(partition, records);
    }
    return records;
  }

  /** Resolves when a record is written to the partition, or `wake` is called for it. */
  untilWritten(partition: string): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#newRecords.get(partition);
      if (waiting) waiting.push(resolve);
      else this.#newRecords.set(partition, [resolve]);
    });
  }

  wake(partition: string): void {
    const waiting = this.#newRecords.get(partition);
    this.#newRecords.delete(partition);
    for (const resolve of waiting ?? []) resolve();
  }

  async #send(actor: Actor, records: readonly OutgoingRecord[]): Promise<void> {
    await this.scheduler.step(actor, `send ${records.length} records`);
    if (records.some((record) => this.#refusalOf(record))) return await this.#sendSome(actor, records);
    const isLost = this.random.chance(this.faults.lostAcknowledgement);
    const written = isLost ? this.random.int(0, records.length) : records.length;
    for (const record of records.slice(0, written)) this.#write(actor, record);
    await this.scheduler.step(actor, isLost ? `send failed after ${written}` : 'sent');
    if (isLost) throw new OutageError('the answer of the broker is lost');
  }

  /** Like Kafka, where each partition takes or refuses its part of a request: any of the others may be written. */
  async #sendSome(actor: Actor, records: readonly OutgoingRecord[]): Promise<void> {
    const parts = Map.groupBy(records, ({ topic, key }) => `${topic}/${partitionOf(key, this.#partitions)}`);
    let written = 0;
    for (const part of parts.values()) {
      if (part.some((record) => this.#refusalOf(record)) || this.random.chance(0.5)) continue;
      for (const record of part) this.#write(actor, record);
      written += part.length;
    }
    await this.scheduler.step(actor, `send refused, ${written} written`);
    throw new RefusedError('REFUSED', this.random.pick(records.flatMap((record) => this.#refusalOf(record) ?? [])));
  }

  #refusalOf({ topic, key, headers }: OutgoingRecord): 'topic' | 'record' | undefined {
    if (this.refused.has(topic)) return 'topic';
    return this.refused.has(`${topic}#${partitionOf(`${key}${headers.ce_type}`, RECORD_GROUPS)}`)
      ? 'record'
      : undefined;
  }

  #write(actor: Actor, { topic, key, value, headers }: OutgoingRecord): void {
    const partition = partitionOf(key, this.#partitions);
    const name = `${topic}/${partition}`;
    const records = this.recordsOf(name);
    const offset = String(records.length);
    records.push({ topic, partition, offset, key, value, headers, timestamp: this.scheduler.now });
    this.scheduler.note(actor, `  wrote ${headers.ce_type ?? 'a dead letter'} ${key} to ${name}@${offset}`);
    this.wake(name);
  }

  async #consume(actor: Actor, options: ConsumeOptions): Promise<BrokerConsumer> {
    await this.scheduler.step(actor, `join ${options.groupId}`);
    let group = this.groups.get(options.groupId);
    if (!group) {
      group = new Group(this, options.groupId, options.topics);
      this.groups.set(options.groupId, group);
    }
    const member = new Member(actor, options);
    const joined = group;
    group.join(member);
    return {
      ready: async () => undefined,
      async stop() {
        member.stopping = true;
        await Promise.allSettled(member.busy.values());
        joined.leave(member);
      },
    };
  }
}

class Member {
  readonly actor: Actor;
  readonly options: ConsumeOptions;
  /** The current batch of each partition. */
  readonly busy = new Map<string, Promise<void>>();
  stopping = false;

  constructor(actor: Actor, options: ConsumeOptions) {
    this.actor = actor;
    this.options = options;
  }
}

class Group {
  readonly id: string;
  readonly members: Member[] = [];
  readonly committed = new Map<string, number>();
  readonly #log: SimulatedLog;
  readonly #partitions: readonly string[];
  #owners = new Map<string, { readonly member: Member }>();

  constructor(log: SimulatedLog, id: string, topics: readonly string[]) {
    this.#log = log;
    this.id = id;
    this.#partitions = topics.flatMap((topic) => log.partitionsOf(topic));
  }

  /** True when every record was handled and committed. */
  get isAtEnd(): boolean {
    return this.#partitions.every(
      (name) => (this.committed.get(name) ?? 0) === (this.#log.records.get(name)?.length ?? 0),
    );
  }

  join(member: Member): void {
    this.members.push(member);
    this.rebalance();
  }

  leave(member: Member): void {
    const index = this.members.indexOf(member);
    if (index < 0) return;
    this.members.splice(index, 1);
    this.rebalance();
  }

  /** Reassigns every partition. A member still working on one is a zombie from now on. */
  rebalance(): void {
    this.#owners = new Map();
    for (const name of this.#partitions) {
      this.#log.wake(name);
      if (this.members.length === 0) continue;
      const owner = { member: this.#log.random.pick(this.members) };
      this.#owners.set(name, owner);
      void this.#pump(name, owner);
    }
  }

  /** Delivers a partition to its owner, batch by batch, while it is the owner. */
  async #pump(name: string, owner: { readonly member: Member }): Promise<void> {
    const { member } = owner;
    const { scheduler, random, faults } = this.#log;
    const isOwner = () => this.#owners.get(name) === owner && !member.stopping;
    await member.busy.get(name)?.catch(() => undefined);
    while (isOwner()) {
      const records = this.#log.recordsOf(name);
      const from = this.committed.get(name) ?? 0;
      if (from >= records.length) {
        await this.#log.untilWritten(name);
        continue;
      }
      await scheduler.step(member.actor, `${this.id}: fetch ${name} from ${from}`);
      if (!isOwner()) return;
      const batch = this.#batch(name, records.slice(from, from + random.int(1, MAX_RECORDS_A_BATCH)), member, isOwner);
      const handled = member.options.onBatch(batch);
      member.busy.set(name, handled);
      try {
        await handled;
        await scheduler.step(member.actor, `${this.id}: commit ${name} at ${from + batch.records.length}`);
        if (isOwner() && !random.chance(faults.redelivery)) this.committed.set(name, from + batch.records.length);
      } catch (error) {
        scheduler.note(
          member.actor,
          `${this.id}: ${name} given back: ${error instanceof Error ? error.message : error}`,
        );
        await scheduler.sleep(member.actor, PAUSE_AFTER_REJECTION_MS, `${this.id}: pause ${name}`);
      } finally {
        if (member.busy.get(name) === handled) member.busy.delete(name);
      }
    }
  }

  #batch(name: string, records: readonly IncomingRecord[], member: Member, isOwner: () => boolean): RecordBatch {
    const [topic = '', partition] = name.split('/');
    return {
      topic,
      partition: Number(partition),
      records,
      isStale: () => !isOwner(),
      heartbeat: async () => {
        await this.#log.scheduler.step(member.actor, `${this.id}: heartbeat`);
        if (!isOwner()) throw new Error('the group is rebalancing');
      },
    };
  }
}

const BROKER: Actor = { name: 'broker', alive: true };

function partitionOf(key: string | null, partitions: number): number {
  let hash = 0;
  for (const character of key ?? '') hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return hash % partitions;
}
