import { type DestinationStream, type Logger, pino } from 'pino';
import { currentTrace } from './trace.ts';

export type { Logger } from 'pino';

const SECRETS = ['authorization', 'cookie', 'password', 'token', 'secret', 'DATABASE_URL', 'INTERNAL_KEYS'];
const REDACTED = [...SECRETS, ...SECRETS.map((name) => `*.${name}`), 'req.headers.authorization', 'req.headers.cookie'];

export interface LoggerOptions {
  readonly service: string;
  readonly instance?: string;
  /** Default `info`. */
  readonly level?: string;
  /** Where the lines go; stdout by default. */
  readonly destination?: DestinationStream;
}

/** JSON lines with service, instance and, inside a request or event, the trace's ids. Secrets are redacted by name. */
export function createLogger({ service, instance, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service, ...(instance ? { instance } : {}) },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: REDACTED, censor: '[redacted]' },
    mixin() {
      const trace = currentTrace();
      return trace ? { traceId: trace.traceId, spanId: trace.spanId } : {};
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
