import { EVENTS, type EventType, publisherOf } from '@shop/events';
import { SERVICE_NAMES } from '../../services/services.ts';

/**
 * The types of events that the services which run here publish. A stack may hold events of an example that ran before.
 */
export const RUNNING_TYPES: readonly EventType[] = (Object.keys(EVENTS) as EventType[]).filter((type) =>
  SERVICE_NAMES.some((name) => name === publisherOf(type)),
);

/** Their topics, without dead-letter topics. */
export const RUNNING_TOPICS: readonly string[] = [...new Set(RUNNING_TYPES.map((type) => EVENTS[type].topic))];

/** Their topics, with those of their dead letters. */
export const EXPECTED_TOPICS: readonly string[] = [...RUNNING_TOPICS, ...RUNNING_TOPICS.map((topic) => `${topic}.dlq`)];
