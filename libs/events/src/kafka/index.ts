export { createKafkaAdmin, type KafkaAdmin, type RecordRange } from './admin.ts';
export { readAssignment } from './assigner.ts';
export { createClient } from './client.ts';
export { durabilityFaults } from './durability.ts';
export { emptyBroker } from './empty-broker.ts';
export { createKafkaBroker, type KafkaBrokerOptions } from './kafka-broker.ts';
export { type CommittedOffset, heldSince } from './offsets.ts';
export { type GroupPlace, type LostPlace, lostAmong, type NewPlace } from './places.ts';
export { TOPIC_SETTINGS, type TopicState } from './topics.ts';
