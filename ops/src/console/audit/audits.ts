import { DomainError } from '@shop/service';
import { Kept } from '../kept.ts';
import type { AuditTask, RunAudit } from './run-audit.ts';
import type { Verdict } from './verdict.ts';

export interface AuditState {
  readonly auditId: string;
  readonly since: string;
  readonly state: 'RUNNING' | 'DONE' | 'FAILED';
  readonly verdict?: Verdict;
  /** Why it could not be done. */
  readonly error?: string;
}

export interface Audits {
  /** Begins one, and does not wait for it. @throws AUDIT_RUNNING while one is at work */
  begin(task: AuditTask): AuditState;
  /** Audits when those before have ended. */
  inTurn(task: AuditTask): Promise<Verdict>;
  find(auditId: string): AuditState | undefined;
  /** Breaks off what is at work. */
  stop(): Promise<void>;
}

/** However much there is to read, ms. */
const LONGEST_MS = 300_000;

/** One audit at a time: it costs the database more than anything else here. */
export function createAudits({ run, newId }: { run: RunAudit; newId: () => string }): Audits {
  const states = new Kept<AuditState>();
  const stopping = new AbortController();
  let underWay: string | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn(task: AuditTask, auditId = newId()): Promise<Verdict> {
    const verdict = turn.then(() => {
      underWay = auditId;
      return run(task, AbortSignal.any([stopping.signal, AbortSignal.timeout(LONGEST_MS)]));
    });
    const rest = () => {
      underWay = undefined;
    };
    turn = verdict.then(rest, rest);
    return verdict;
  }

  return {
    begin(task) {
      if (underWay) throw new DomainError('AUDIT_RUNNING', 'One audit at a time.', { auditId: underWay });
      const auditId = newId();
      underWay = auditId;
      const begun = { auditId, since: task.since.toISOString() };
      const running: AuditState = { ...begun, state: 'RUNNING' };
      states.set(auditId, running);
      inTurn(task, auditId).then(
        (verdict) => states.set(auditId, { ...begun, state: 'DONE', verdict }),
        (error: Error) => states.set(auditId, { ...begun, state: 'FAILED', error: error.message }),
      );
      return running;
    },
    inTurn: (task) => inTurn(task),
    find: (auditId) => states.get(auditId),
    async stop() {
      stopping.abort();
      await turn;
    },
  };
}
