export { failed, type ItemResult, succeeded } from './batch-runs.ts';
export { type Batcher, createBatcher } from './batcher.ts';
export { type Copies, createCopies, type FindOptions } from './copies.ts';
