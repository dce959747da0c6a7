export { startWaiters, type Waiters } from './waiters.ts';
