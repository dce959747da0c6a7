import { describe, expect, it } from '@jest/globals';
import { DatabaseUnavailableError } from '../errors/index.ts';
import { type CopiesOptions, createCopies } from './copies.ts';

const MAX_AGE_MS = 500;

/** Copies of a simulated database that answers on command, on a clock that the test moves. */
function simulated(options: Partial<CopiesOptions<string, string>> = {}) {
  const rows = new Map<string, string>();
  const statements: (readonly string[])[] = [];
  const answers: (() => void)[] = [];
  const clock = { ms: 0 };
  const database = { held: false, away: false };
  const copies = createCopies<string, string>({
    name: 'test',
    maxAgeMs: MAX_AGE_MS,
    keyOf: (wish) => wish,
    bytesOf: (value) => value.length,
    now: () => clock.ms,
    async load(wishes) {
      statements.push(wishes);
      // Like a statement, it sees the state committed when it begins.
      const values = wishes.map((wish) => rows.get(wish) ?? '');
      if (database.held) await new Promise<void>((resolve) => void answers.push(resolve));
      if (database.away) throw new DatabaseUnavailableError('away');
      return values;
    },
    ...options,
  });
  return { copies, rows, statements, clock, database, answer: () => answers.splice(0).forEach((go) => void go()) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('copies', () => {
  it('when many ask at once, then one statement reads for all, and each gets its own value', async () => {
    const { copies, rows, statements } = simulated();
    for (const key of ['a', 'b']) rows.set(key, `row ${key}`);
    const asked = Array.from({ length: 200 }, (_, index) => copies.find(index % 2 === 0 ? 'a' : 'b'));
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['row a', 'row b']));
    expect(statements).toEqual([['a', 'b']]);
  });

  it('when a value is asked for again, then it comes from the copy at once, until the copy is too old', async () => {
    const { copies, rows, statements, clock } = simulated();
    rows.set('a', 'old');
    await copies.find('a');
    // Another instance's commit, of which this process learns nothing.
    rows.set('a', 'new');
    clock.ms = MAX_AGE_MS;
    expect(copies.find('a')).toBe('old');
    clock.ms = MAX_AGE_MS + 1;
    expect(await copies.find('a')).toBe('new');
    expect(statements).toHaveLength(2);
  });

  it("when the reading is slow, then the copy's age counts from its start", async () => {
    const { copies, rows, statements, clock, database, answer } = simulated();
    rows.set('a', 'old');
    database.held = true;
    const first = copies.find('a');
    await turn();
    rows.set('a', 'new');
    clock.ms = MAX_AGE_MS;
    const second = copies.find('a');
    clock.ms = MAX_AGE_MS + 1;
    // The reading in progress is too old for this request, so another one begins.
    const third = copies.find('a');
    await turn();
    answer();
    expect(await Promise.all([first, second, third])).toEqual(['old', 'old', 'new']);
    expect(statements).toHaveLength(2);

    const { copies: later, clock: time, database: slow, answer: end, statements: read } = simulated();
    slow.held = true;
    const reading = later.find('a');
    await turn();
    time.ms = MAX_AGE_MS - 1;
    end();
    await reading;
    slow.held = false;
    time.ms = MAX_AGE_MS + 1;
    await later.find('a');
    expect(read).toHaveLength(2);
  });

  it('when a commit happened here, then neither a copy nor a reading from before it is shown', async () => {
    const { copies, rows, database, answer } = simulated();
    rows.set('a', 'old');
    await copies.find('a');
    rows.set('a', 'new');
    copies.changed();
    expect(await copies.find('a')).toBe('new');

    database.held = true;
    const early = copies.find('b');
    await turn();
    rows.set('b', 'made meanwhile');
    copies.changed();
    const late = copies.find('b');
    await turn();
    answer();
    expect(await Promise.all([early, late])).toEqual(['', 'made meanwhile']);
    expect(copies.find('b')).toBe('made meanwhile');
  });

  it('when a fresh value is wanted, then it is read, and a reading begun before is not used', async () => {
    const { copies, rows, statements, database, answer } = simulated();
    rows.set('a', 'old');
    database.held = true;
    const first = copies.find('a');
    await turn();
    rows.set('a', 'new');
    const fresh = [copies.find('a', { fresh: true }), copies.find('a', { fresh: true })];
    await turn();
    answer();
    expect(await Promise.all([first, ...fresh])).toEqual(['old', 'new', 'new']);
    expect(statements).toHaveLength(2);
    expect(copies.find('a')).toBe('new');
  });

  it('when the database is away, then copies are shown until they are too old, and after that the outage', async () => {
    const { copies, rows, clock, database } = simulated();
    rows.set('a', 'row');
    await copies.find('a');
    database.away = true;
    clock.ms = MAX_AGE_MS;
    expect(copies.find('a')).toBe('row');
    clock.ms = MAX_AGE_MS + 1;
    await expect(copies.find('a')).rejects.toBeInstanceOf(DatabaseUnavailableError);
    await expect(copies.find('a')).rejects.toBeInstanceOf(DatabaseUnavailableError);
    database.away = false;
    expect(await copies.find('a')).toBe('row');
  });

  it('when very much is read, then the copies stay within their bytes, keeping the newest', async () => {
    const { copies, statements } = simulated({ maxBytes: 10_000, load: async (all) => all.map(() => 'x'.repeat(800)) });
    for (let n = 0; n < 50; n++) await copies.find(`${n}`);
    expect(copies.bytes).toBeLessThanOrEqual(10_000);
    expect(copies.find('49')).toBe('x'.repeat(800));
    expect(copies.find('0')).toBeInstanceOf(Promise);
    expect(statements).toEqual([]);
  });

  it('when no value is asked for, then nothing is read', async () => {
    const { copies, statements, clock } = simulated();
    await copies.find('a');
    for (let n = 0; n < 10; n++) {
      clock.ms += 10_000;
      await turn();
    }
    expect(statements).toHaveLength(1);
  });
});
