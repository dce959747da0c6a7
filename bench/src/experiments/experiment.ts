import type { createRedis, PooledDatabase } from '@shop/chassis';

export type Redis = ReturnType<typeof createRedis>;

/** The environment of an experiment: real servers, with a schema and keys of its own. */
export interface Lab {
  /** The pool of a scratch schema, with the services' settings. */
  readonly database: PooledDatabase;
  /** Name and version of the database server. */
  readonly server: string;
  /** A ready connection to Redis, closed when the experiment is over. */
  openRedis(): Promise<Redis>;
  /** Prefix of every key in Redis. */
  readonly prefix: string;
  /** A small version: the same steps and checks, but meaningless figures. */
  readonly quick: boolean;
  say(words: string): void;
}

export interface Measured {
  /** Stored as JSON beside the report. */
  readonly figures: unknown;
  /** Markdown for each section of the report. */
  readonly sections: Readonly<Record<string, readonly string[]>>;
}

export interface Experiment {
  readonly name: string;
  readonly summary: string;
  readonly parts: ('mysql' | 'redis')[];
  /** Sections of docs/reports/<name>.md filled by it, besides `run`: command, machine and other load. */
  readonly sections: readonly string[];
  /** Measures. Throws `WrongResult` if the measured code gave a wrong result. */
  measure(lab: Lab): Promise<Measured>;
}

/** The measured code gave a wrong result, so its speed is meaningless. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult';
}

/** @throws WrongResult unless both are the same, as JSON */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(found), JSON.stringify(expected)];
  if (is !== should) throw new WrongResult(`${what}: ${is}, and should be ${should}`);
}
