import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type TestDatabase, uniqueSchemaDatabase } from '@shop/chassis/testing';
import { WrongResult } from '../../bench/src/experiments/experiment.ts';
import { type Answer, createHotRow, expectRight, HOT_ROW_TABLES } from '../../bench/src/experiments/hot-row.ts';
import { EXPERIMENTS } from '../../bench/src/experiments/index.ts';
import { withLab } from '../../bench/src/experiments/lab.ts';
import { connectRoot, testStack } from '../support/stack.ts';

const stack = testStack();

describe('an experiment, in its small version', () => {
  it.each(EXPERIMENTS)(
    'when $name runs, then every result is right and every section has its figures',
    async (experiment) => {
      const { sections } = await withLab({ env: stack.env, quick: true, say: () => undefined }, experiment.measure);
      expect(Object.keys(sections)).toEqual([...experiment.sections]);
      for (const lines of Object.values(sections)) {
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.join('\n')).not.toMatch(/undefined|NaN|Infinity|\[object/);
      }
    },
  );

  it('when an experiment is over or fails, then its schema is gone', async () => {
    const failure = new Error(randomBytes(4).toString('hex'));
    let schema = '';
    const failing = withLab({ env: stack.env, quick: true, say: () => undefined }, (lab) => {
      schema = lab.database.schema;
      return Promise.reject(failure);
    });
    await expect(failing).rejects.toBe(failure);
    const sql = await connectRoot(stack);
    try {
      expect(await sql.query('SHOW DATABASES LIKE ?', [schema])).toEqual([]);
    } finally {
      await sql.close();
    }
  });
});

describe('the check of a hot row', () => {
  let schema: TestDatabase;
  beforeAll(async () => {
    schema = await uniqueSchemaDatabase(HOT_ROW_TABLES);
  });
  beforeEach(async () => {
    for (const table of ['hot_rows', 'entries']) await schema.database.execute(`DELETE FROM ${table}`);
  });
  afterAll(() => schema.drop());

  const told = (answer: Answer, userId = 1) => ({ change: { rowId: 1, userId, delta: -1, onlyOnce: true }, answer });
  const entry = 'INSERT INTO entries (row_id, user_id, delta) VALUES (1, 1, -1)';

  it.each([
    ['all is right', 2, [entry, 'UPDATE hot_rows SET value = 1'], [told('done'), told('repeat')], undefined],
    [
      'an update was lost',
      2,
      [entry, entry, 'UPDATE hot_rows SET value = 1'],
      [told('done'), told('done')],
      'the row has 1 and should have 0',
    ],
    [
      'more is sold than there is',
      0,
      [entry],
      [told('done')],
      '1 more were given than there were; the row has 0 and should have -1',
    ],
    [
      'an entry was lost',
      2,
      ['UPDATE hot_rows SET value = 1'],
      [told('done')],
      'the row has 1 and should have 2; 1 were told "done", and there are 0 entries; the entries sum to 0, and -1 was told',
    ],
    ['one is refused although some is left', 2, [], [told('refused')], 'some were refused although 2 is left'],
    ['a repeat is of nothing', 2, [], [told('repeat', 9)], 'a user without one was told "repeat"'],
  ])('when %s, then the check says so', async (_, initial, statements, answers, words) => {
    const { database } = schema;
    await createHotRow(database, 1, initial);
    for (const statement of statements) await database.execute(statement);
    const error = await expectRight('the check', database, 1, initial, answers).catch((reason: unknown) => reason);
    if (words === undefined) expect(error).toBeUndefined();
    else expect(error).toEqual(new WrongResult(`the check: ${words}`));
  });
});
