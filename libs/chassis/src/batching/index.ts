export { type Batcher, createBatcher, failed, type ItemResult, succeeded } from './batcher.ts';
export { type Copies, createCopies, type FindOptions } from './copies.ts';
