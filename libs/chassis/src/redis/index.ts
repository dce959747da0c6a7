export { createRedis, createWakeHints } from './redis.ts';
