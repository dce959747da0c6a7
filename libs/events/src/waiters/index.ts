export { startWaiters, type Waiters, type WaitersOptions, type WaitOptions } from './waiters.ts';
