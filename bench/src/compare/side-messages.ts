import type { Watched } from '../processes.ts';
import type { AuditSummary } from '../results.ts';

/** Requests to the process of a side, one after the other. */
export type SideCommand =
  /** Wait until the stack is idle. */
  { readonly kind: 'idle'; readonly timeoutMs: number } | { readonly kind: 'audit' };

export type SideMessage =
  | {
      readonly kind: 'started';
      /** The stack's addresses, under the names that processes read. */
      readonly env: Readonly<Record<string, string>>;
      readonly processes: readonly Watched[];
      /** The stack's folder. */
      readonly dir: string;
    }
  | { readonly kind: 'done'; readonly audit?: AuditSummary }
  | { readonly kind: 'failed'; readonly message: string };
