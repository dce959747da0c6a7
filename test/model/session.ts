import { isDeadlock, RestartTransactionError, type Transaction, type Transactor } from '@shop/chassis';
import { type Act, type Notes, plain } from './script.ts';

class RolledBack extends Error {}
class SecondAttempt extends Error {}

/** One client of a database: it begins transactions, calls ports in them, and ends them, as it is told. */
export class Session<Ports> {
  readonly number: number;
  /** An act was given and is not answered yet. */
  busy = false;
  /** A transaction is open. */
  open = false;
  readonly #transactor: Transactor<Transaction>;
  readonly #ports: Ports;
  #answers: string[] = [];
  #next = Promise.withResolvers<Act<Ports>>();

  constructor(number: number, transactor: Transactor<Transaction>, ports: Ports) {
    this.number = number;
    this.#transactor = transactor;
    this.#ports = ports;
  }

  /** Begins the act; it is done when `busy` is false again. */
  give(act: Act<Ports>): void {
    this.busy = true;
    if (act.kind === 'call' && act.call.alone && !this.open) return void this.#alone(act);
    if (!this.open) void this.#transaction();
    this.#next.resolve(act);
  }

  /** What was answered since the last call. */
  takeAnswers(): string[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  #answer(words: string): void {
    this.#answers.push(words);
    this.busy = false;
  }

  async #alone(act: Extract<Act<Ports>, { kind: 'call' }>): Promise<void> {
    try {
      this.#answer(JSON.stringify(plain(await act.call.run(this.#ports, noTransaction, new Map()))) ?? 'done');
    } catch (error) {
      this.#answer(nameOf(error));
    }
  }

  async #transaction(): Promise<void> {
    this.open = true;
    let failure: unknown;
    let attempts = 0;
    const work = async (tx: Transaction): Promise<void> => {
      // The transactor tries again after a deadlock. A script goes on with a transaction of its own.
      if (++attempts > 1) throw new SecondAttempt();
      const notes: Notes = new Map();
      for (;;) {
        const act = await this.#next.promise;
        this.#next = Promise.withResolvers();
        if (act.kind === 'commit') return;
        if (act.kind === 'rollback') throw new RolledBack();
        try {
          this.#answer(JSON.stringify(plain(await act.call.run(this.#ports, tx, notes))) ?? 'done');
        } catch (error) {
          failure = error;
          throw error;
        }
      }
    };
    const ended = await this.#transactor.transaction(work).then(
      () => 'committed',
      (error: unknown) => nameOf(failure ?? error),
    );
    this.open = false;
    this.#answer(ended);
  }
}

/** The words for an error: what must be equal on both sides. */
function nameOf(error: unknown): string {
  if (error instanceof RolledBack) return 'rolled back';
  if (error instanceof RestartTransactionError) return 'begin again';
  if (isDeadlock(error)) return 'deadlock';
  const { errno, message } = error as { errno?: number; message?: string };
  if (errno === 1062) return 'duplicate key';
  if (errno === 3819) return 'check constraint';
  return `failed: ${message}`;
}

const noTransaction: Transaction = {
  query: () => Promise.reject(new Error('there is no transaction')),
  execute: () => Promise.reject(new Error('there is no transaction')),
  onCommit: () => undefined,
};
