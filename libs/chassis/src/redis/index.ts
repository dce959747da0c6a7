export { createRedis, createWakeHints, type WakeHints } from './redis.ts';
