import { DomainError } from '@shop/chassis';
import { LRUCache } from 'lru-cache';
import type { ConsoleProblem } from '../problems.ts';
import type { AuditTask, RunAudit } from './run-audit.ts';
import type { Verdict } from './verdict.ts';

export interface AuditState {
  readonly auditId: string;
  readonly since: string;
  readonly state: 'RUNNING' | 'DONE' | 'FAILED';
  readonly verdict?: Verdict;
  /** The reason of a failed audit. */
  readonly error?: string;
}

export interface Audits {
  /** Begins an audit without waiting for it. @throws AUDIT_RUNNING while another is running */
  begin(task: AuditTask): AuditState;
  /** Audits once the earlier audits have ended. */
  inTurn(task: AuditTask): Promise<Verdict>;
  find(auditId: string): AuditState | undefined;
  /** Aborts the running audit. */
  stop(): Promise<void>;
}

/** Number of jobs of one kind that a console remembers, the last used ones. A restart forgets them. */
export const MAX_KEPT = 20;
/** Time limit of an audit, however much there is to read, ms. */
const MAX_MS = 300_000;

interface AuditsOptions {
  readonly run: RunAudit;
  readonly newId: () => string;
  /** Called when an audit that was begun by `begin` has a verdict. */
  readonly ended?: (task: AuditTask, verdict: Verdict) => void;
}

/** One audit at a time: it costs the database more than any other work here. */
export function createAudits({ run, newId, ended: told }: AuditsOptions): Audits {
  const states = new LRUCache<string, AuditState>({ max: MAX_KEPT });
  const stopping = new AbortController();
  /** Audits that run or wait for their turn, in that order. */
  const underWay = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Queues an audit behind the earlier ones. */
  function begin(task: AuditTask, auditId: string): { readonly state: AuditState; readonly verdict: Promise<Verdict> } {
    const begun = { auditId, since: task.since.toISOString() };
    const state: AuditState = { ...begun, state: 'RUNNING' };
    states.set(auditId, state);
    underWay.add(auditId);
    const verdict = turn.then(() => run(task, AbortSignal.any([stopping.signal, AbortSignal.timeout(MAX_MS)])));
    const ended = (end: Pick<AuditState, 'state' | 'verdict' | 'error'>) => {
      underWay.delete(auditId);
      states.set(auditId, { ...begun, ...end });
    };
    turn = verdict.then(
      (it) => ended({ state: 'DONE', verdict: it }),
      (error: Error) => ended({ state: 'FAILED', error: error.message }),
    );
    return { state, verdict };
  }

  return {
    begin(task) {
      const [running] = underWay;
      if (running) throw new DomainError<ConsoleProblem>('AUDIT_RUNNING', 'One audit at a time.', { auditId: running });
      const auditId = newId();
      const { state, verdict } = begin(task, auditId);
      // Its failure is kept with its state.
      verdict.then(
        (it) => told?.(task, it),
        () => undefined,
      );
      return state;
    },
    inTurn: (task) => begin(task, newId()).verdict,
    find: (auditId) => states.get(auditId),
    async stop() {
      stopping.abort();
      await turn;
    },
  };
}
