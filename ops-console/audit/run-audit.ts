import { Worker } from 'node:worker_threads';
import type { Addresses } from '../../ops/src/addresses.ts';
import type { Verdict } from './verdict.ts';

export type AuditAddresses = Pick<Addresses, 'auditDatabase' | 'brokers' | 'redis' | 'dataPlatform' | 'services'>;

export interface AuditTask {
  /** Orders and events that began earlier are left out. Checks of whole tables read them all the same. */
  readonly since: Date;
  /** How long to wait first for an idle system, ms. 0: not at all. */
  readonly restMs: number;
}

/** Rejects when the audit cannot be done, or the signal is aborted. */
export type RunAudit = (task: AuditTask, signal: AbortSignal) => Promise<Verdict>;

/** Memory limit of the thread: a runaway audit ends its thread, not the console. */
const MAX_MEMORY_MB = 512;

/** What a thread may be given of the addresses: values, no functions. */
export function forThread({ auditDatabase, brokers, redis, dataPlatform, services }: AuditAddresses): AuditAddresses {
  return { auditDatabase, brokers, redis, dataPlatform, services };
}

/** The data that the thread of an audit gets. */
export interface AuditWork {
  readonly addresses: AuditAddresses;
  readonly task: AuditTask;
  /** How long an order may be PENDING, ms. */
  readonly deadlineMs: number;
}

/**
 * Runs audits in a separate thread: they read and compare for seconds, and the console must answer requests.
 * @param deadlineMs how long an order may be PENDING, ms
 */
export function auditInWorker(addresses: AuditAddresses, deadlineMs: number): RunAudit {
  return (task, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { addresses: forThread(addresses), task, deadlineMs } satisfies AuditWork,
        resourceLimits: { maxOldGenerationSizeMb: MAX_MEMORY_MB },
      });
      const breakOff = () => void worker.terminate();
      signal.addEventListener('abort', breakOff, { once: true });
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => {
        signal.removeEventListener('abort', breakOff);
        reject(new Error(signal.aborted ? 'the audit was broken off' : `the audit ended with ${code} and no verdict`));
      });
    });
}
