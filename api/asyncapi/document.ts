import { kafkaTopicConfig } from '@shop/chassis';
import { z } from 'zod';
import type { Group } from '../../services/groups.ts';
import type { DescribedEvent } from './events.ts';

/** The topics as they are made without other settings. */
const { KAFKA_PARTITIONS: partitions, KAFKA_REPLICATION_FACTOR: replicas } = z.object(kafkaTopicConfig).parse({});

const DESCRIPTION = `
What the services tell each other. Each publishes what it did, in the transaction in which it did it, and hears what others did: nothing is lost, and nothing
happens twice, since every consumer drops an event id that it has seen.

Messages are CloudEvents in Kafka's binary mode: the attributes are headers, the value is the data alone, as Avro in the Confluent wire format (a zero byte, the
schema's id in four bytes, then the data). The registry's subject is the record's full name, for a topic carries several types. A schema changes only in ways
that readers of the old and of the new one both accept.

A topic keeps the order of what has the same key. A message that a group cannot handle goes to \`<topic>.dlq\`, and what follows it with the same key waits.
`.trim();

/** Headers that only some events have. */
const ATTRIBUTES: Readonly<Record<string, object>> = {
  couponid: {
    type: 'string',
    format: 'uuid',
    description: 'the coupon that the order names; missing when it names none',
  },
  wascompleted: { type: 'string', enum: ['true', 'false'], description: 'whether the order had completed before' },
};

/** The AsyncAPI 3 document of these events and groups. */
export function asyncApi(events: readonly DescribedEvent[], groups: readonly Group[]) {
  const topics = Object.entries(Object.groupBy(events, (event) => event.topic)) as [string, DescribedEvent[]][];
  return {
    asyncapi: '3.0.0',
    info: { title: 'Shop events', version: '1.0.0', description: DESCRIPTION, license: { name: 'UNLICENSED' } },
    defaultContentType: 'application/avro',
    servers: {
      local: { host: '127.0.0.1:19092', protocol: 'kafka', description: 'The log of the local stack (`npm start`).' },
    },
    channels: Object.fromEntries(topics.map(([topic, carried]) => [topic, channel(topic, carried)])),
    operations: Object.fromEntries([
      ...topics.flatMap(([topic, carried]) => publishing(topic, carried)),
      ...groups.flatMap((group) => hearing(group, topics)),
    ]),
    components: { messages: Object.fromEntries(events.map((event) => [event.type, message(event)])) },
  };
}

function channel(topic: string, events: readonly DescribedEvent[]) {
  const publishers = [...new Set(events.map(({ publisher }) => publisher))];
  return {
    address: topic,
    title: topic,
    description: `Published by ${publishers.join(' and ')}. Keyed by ${keysOf(events)}.`,
    messages: Object.fromEntries(events.map(({ type }) => [type, { $ref: `#/components/messages/${type}` }])),
    bindings: { kafka: { topic, partitions, replicas, bindingVersion: '0.5.0' } },
  };
}

function keysOf(events: readonly DescribedEvent[]): string {
  return Object.entries(Object.groupBy(events, ({ key }) => key))
    .map(([key, ofKey]) => `\`${key}\` (${ofKey?.map(({ type }) => type).join(', ')})`)
    .join('; ');
}

function publishing(topic: string, events: readonly DescribedEvent[]): [string, object][] {
  return Object.entries(Object.groupBy(events, ({ publisher }) => publisher)).map(([service, own = []]) => [
    `${service}.publishes.${topic}`,
    {
      action: 'send',
      title: `${service} publishes to ${topic}`,
      summary: own.map(({ type }) => type).join(', '),
      tags: [{ name: service }],
      ...messagesOf(topic, own),
    },
  ]);
}

function hearing(group: Group, topics: readonly [string, DescribedEvent[]][]): [string, object][] {
  return topics.flatMap(([topic, events]) => {
    const heard = events.filter(({ type }) => group.handles.includes(type));
    if (heard.length === 0) return [];
    const operation = {
      action: 'receive',
      title: `${group.group} hears ${topic}`,
      summary: group.summary,
      tags: [{ name: group.service }],
      ...messagesOf(topic, heard),
      bindings: { kafka: { groupId: { type: 'string', const: group.group }, bindingVersion: '0.5.0' } },
    };
    return [[`${group.group}.hears.${topic}`, operation]];
  });
}

function messagesOf(topic: string, events: readonly DescribedEvent[]) {
  return {
    channel: { $ref: `#/channels/${topic}` },
    messages: events.map(({ type }) => ({ $ref: `#/channels/${topic}/messages/${type}` })),
  };
}

function message(event: DescribedEvent) {
  const { type, record, key, id, schema } = event;
  return {
    name: type,
    title: type,
    summary: schema.doc,
    contentType: 'application/avro',
    headers: headersOf(event),
    payload: { schemaFormat: 'application/vnd.apache.avro+json;version=1.9.0', schema },
    bindings: {
      kafka: {
        key: { type: 'string', description: `\`${key}\` of the data, as text` },
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        bindingVersion: '0.5.0',
      },
    },
    'x-subject': record,
    'x-event-id': id,
  };
}

function headersOf({ type, publisher, attributes, id }: DescribedEvent) {
  const own = attributes.map((name) => {
    const header = ATTRIBUTES[name];
    if (!header) throw new Error(`the header ce_${name} of ${type} is not described`);
    return [`ce_${name}`, header];
  });
  return {
    type: 'object',
    required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_time', 'content-type'],
    properties: {
      ce_specversion: { type: 'string', const: '1.0' },
      ce_id: { type: 'string', maxLength: 36, description: `the event's id, the same whenever it is sent: ${id}` },
      ce_type: { type: 'string', const: type },
      ce_source: { type: 'string', const: publisher, description: 'the service that published it' },
      ce_time: { type: 'string', format: 'date-time', description: 'when it was published, UTC' },
      ce_sequence: {
        type: 'string',
        pattern: '^[0-9]{16}$',
        description: "its row in the publisher's outbox: orders events of one publisher and the same time",
      },
      ...Object.fromEntries(own),
      ce_causationid: { type: 'string', description: 'the event that caused it; missing when a request or a job did' },
      traceparent: { type: 'string', description: 'W3C trace context' },
      'content-type': { type: 'string', const: 'application/avro' },
    },
  };
}
