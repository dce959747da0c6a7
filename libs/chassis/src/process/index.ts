export { ConfigError, loadConfig, redactConfig, serviceConfig, switchVariable } from './config.ts';
export { createHealth, type Health, type HealthCheck, type HealthReport } from './health.ts';
export { processHeapRest } from './heap-rest.ts';
export { type Job, type JobOptions, startJob } from './jobs.ts';
export { createLogger, type Logger, type LoggerOptions } from './logger.ts';
export { createMetrics, type Metrics, type MetricsOptions, SECONDS_BUCKETS, SIZE_BUCKETS } from './metrics.ts';
export { oneAtATime } from './one-at-a-time.ts';
export { createPace, type Pace } from './pace.ts';
export { createShutdown, type Shutdown, type ShutdownOptions } from './shutdown.ts';
export {
  childTrace,
  currentTrace,
  currentTraceparent,
  formatTraceparent,
  parseTraceparent,
  runInTrace,
  runWithTrace,
  type TraceContext,
} from './trace.ts';
