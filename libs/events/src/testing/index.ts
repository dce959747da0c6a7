/** Helpers for tests of whatever is built on messaging. Nothing here is for production. */
export { type BrokerHarness, describeBroker } from './broker-conformance.ts';
export { createHandFedBroker, type HandFedBroker } from './hand-fed-broker.ts';
export { createMemoryRegistry } from './memory-registry.ts';
export { createMemoryStore, type MemoryStore, type MemoryTx } from './memory-store.ts';
export { orderCancelled, orderCreated, orderId, recordOf } from './samples.ts';
export { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
