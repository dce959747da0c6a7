export {
  kafkaTopicConfig,
  loadConfig,
  METRICS_PORT_ABOVE,
  redactConfig,
  serviceConfig,
  switchVariable,
} from './config.ts';
export { createHealth, type Health } from './health.ts';
export { processHeapRest } from './heap-rest.ts';
export { createJobMeasures, type Job, type JobMeasures, type JobOptions, startJob } from './jobs.ts';
export { createLogger, type Logger } from './logger.ts';
export { createMetrics, type Metrics, SIZE_BUCKETS } from './metrics.ts';
export { oneAtATime } from './one-at-a-time.ts';
export { createPace, type Pace } from './pace.ts';
export { createShutdown, type Shutdown } from './shutdown.ts';
export {
  type EdgeTrace,
  edgeTrace,
  inBatchSpan,
  inSpan,
  isRecorded,
  isTracing,
  noteOnSpan,
  reasonOf,
  recordedTrace,
  recordSpan,
  type Span,
  type SpanAttributes,
  sendSpansTo,
} from './spans.ts';
export {
  childTrace,
  currentTrace,
  currentTraceparent,
  formatTraceparent,
  parseTraceparent,
  runInTrace,
  type TraceContext,
} from './trace.ts';
export { samplingVariables, spansVariable, startTracing, type TracingConfig } from './tracing.ts';
export { ConfigError, readVariable } from './variables.ts';
export { within } from './within.ts';
