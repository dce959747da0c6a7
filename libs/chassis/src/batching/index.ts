export { type Batcher, type BatcherOptions, createBatcher, failed, type ItemResult, succeeded } from './batcher.ts';
export { type Copies, type CopiesOptions, createCopies, type FindOptions } from './copies.ts';
