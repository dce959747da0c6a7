import type { createRedis, PooledDatabase } from '@shop/chassis';

export type Redis = ReturnType<typeof createRedis>;

/** What an experiment works with: real servers, and nothing of anybody else's on them. */
export interface Lab {
  /** The pool of a scratch schema, with the settings of the services. */
  readonly database: PooledDatabase;
  /** Name and version of the database server. */
  readonly server: string;
  /** A connection to Redis, ready; closed when the experiment is over. */
  openRedis(): Promise<Redis>;
  /** In front of every key in Redis. */
  readonly prefix: string;
  /** A small version: the same steps and the same checks, figures worth nothing. */
  readonly quick: boolean;
  say(words: string): void;
}

export interface Measured {
  /** Kept as JSON beside the report. */
  readonly figures: unknown;
  /** Markdown for each section of the report. */
  readonly sections: Readonly<Record<string, readonly string[]>>;
}

export interface Experiment {
  readonly name: string;
  readonly summary: string;
  readonly parts: ('mysql' | 'redis')[];
  /** The sections of docs/reports/<name>.md that it fills, besides `run`: command, machine and what else used it. */
  readonly sections: readonly string[];
  /** Measures, and throws a `WrongResult` if what was measured did not do its work rightly. */
  measure(lab: Lab): Promise<Measured>;
}

/** What was measured gave a wrong result: its speed is worth nothing. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult';
}

/** @throws WrongResult unless both are the same, as JSON */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new WrongResult(`${what}: ${is}, and should be ${should}`);
}
