import type { PoolConnection } from 'mariadb';
import {
  CommitOutcomeUnknownError,
  DatabaseUnavailableError,
  isDeadlock,
  isLockTimeout,
  isReadOnly,
} from '../errors/index.ts';
import type { SqlValue, Transaction } from './transaction.ts';

interface Execution {
  affectedRows: number;
  insertId: number;
}

/**
 * One borrowed connection for one transaction (or one lone statement), with a time limit.
 *
 * BEGIN is sent in the same turn as the first statement, so it costs no round trip of its own. If it fails, that
 * statement fails. After a deadlock the server has rolled everything back. Further statements would commit one by one,
 * so they are refused, even if the work caught the error.
 */
export class TransactionSession implements Transaction {
  /** The error that ended this transaction. It is thrown even if the work caught or replaced it. */
  failure: Error | undefined;
  readonly #connection: PoolConnection;
  readonly #hooks: (() => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #expired: Promise<never>;
  #state: 'open' | 'ended' | 'destroyed' = 'open';
  #begun = false;
  #begin: Promise<unknown> | undefined;

  constructor(connection: PoolConnection, timeoutMs: number) {
    this.#connection = connection;
    const expired = Promise.withResolvers<never>();
    this.#expired = expired.promise;
    this.#expired.catch(() => undefined);
    this.#timer = setTimeout(() => {
      const error = new DatabaseUnavailableError(`the database took longer than ${timeoutMs} ms`);
      this.failure ??= error;
      this.#destroy();
      expired.reject(error);
    }, timeoutMs);
  }

  query<Row>(sql: string, params: readonly SqlValue[] = []): Promise<Row[]> {
    return this.run<Row[]>(sql, params);
  }

  execute(sql: string, params: readonly SqlValue[] = []): Promise<Execution> {
    return this.run<Execution>(sql, params);
  }

  onCommit(hook: () => void): void {
    this.#hooks.push(hook);
  }

  begin(): void {
    this.#begin = undefined;
    this.#begun = true;
  }

  async run<T>(sql: string, params: readonly SqlValue[]): Promise<T> {
    if (this.failure) throw this.failure;
    if (this.#state !== 'open') throw new Error('a statement was sent after its transaction had ended');
    if (this.#begun && !this.#begin) {
      this.#begin = this.#connection.query('BEGIN');
      this.#begin.catch((error: Error) => {
        this.failure ??= error;
      });
    }
    try {
      return await Promise.race([this.#connection.query<T>(sql, params as SqlValue[]), this.#expired]);
    } catch (error) {
      if (isDeadlock(error) || isLockTimeout(error) || isFatal(error)) this.failure ??= error as Error;
      if (isReadOnly(error)) {
        this.failure ??= error as Error;
        // After a failover the connection may lead to the former primary: the next one finds the present primary.
        this.#destroy();
      }
      throw error;
    }
  }

  /** Rejects with `CommitOutcomeUnknownError` when it is unknown whether the commit happened. */
  async commit(): Promise<void> {
    if (this.failure) throw this.failure;
    this.#state = 'ended';
    if (this.#begin) {
      try {
        await Promise.race([this.#connection.query('COMMIT'), this.#expired]);
      } catch (error) {
        const refused = isDeadlock(error) || isLockTimeout(error) || isReadOnly(error);
        this.failure = refused ? (error as Error) : outcomeUnknown(error);
        this.#destroy();
        throw this.failure;
      }
    }
    for (const hook of this.#hooks) {
      try {
        hook();
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : String(error), 'CommitHookWarning');
      }
    }
  }

  async rollback(): Promise<void> {
    if (this.#state === 'destroyed') return;
    this.#state = 'ended';
    if (!this.#begin) return;
    try {
      await Promise.race([this.#connection.query('ROLLBACK'), this.#expired]);
    } catch {
      this.#destroy();
    }
  }

  async release(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#state === 'destroyed') return;
    this.#state = 'ended';
    await this.#connection.release();
  }

  #destroy(): void {
    if (this.#state === 'destroyed') return;
    this.#state = 'destroyed';
    this.#connection.destroy();
  }
}

function isFatal(error: unknown): boolean {
  return error instanceof DatabaseUnavailableError || (error as { fatal?: boolean } | null)?.fatal === true;
}

function outcomeUnknown(cause: unknown): CommitOutcomeUnknownError {
  return new CommitOutcomeUnknownError('the connection was lost during COMMIT: its outcome is unknown', { cause });
}
