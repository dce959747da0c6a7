export { type ApplyDeps, applyMessages, type Failpoint, parks } from './apply.ts';
export { type Consumer, startConsumer } from './consumer.ts';
export { createFileFailpoint, failpointFromEnvironment } from './failpoints.ts';
export { createDeadLetterRate, isolate, MAX_DEAD_LETTERS_A_MINUTE } from './isolate.ts';
export { createPersistence, REPETITIONS } from './persist.ts';
export type { ConsumerStatus } from './report.ts';
export type { DescribedGroup, Subscription } from './subscription.ts';
