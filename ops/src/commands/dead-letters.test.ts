import { describe, expect, it } from '@jest/globals';
import { EXIT, type ExitCode, type Output } from '../command.ts';
import { WishError } from '../replay/wish-error.ts';
import type { SqlReader } from '../sql.ts';
import { list, redrivable } from './dead-letters.ts';

/** Schemas without an open letter. `known`: the groups that have resolved ones. */
function resolved(...known: string[]): SqlReader {
  const read = (sql: string, params: readonly unknown[]): unknown[] =>
    sql.includes('status') ? [] : known.filter((group) => params.includes(group)).map(() => ({ 1: 1 }));
  return { query: async <Row>(sql: string, params: readonly unknown[] = []) => read(sql, params) as Row[] };
}

async function listed(sql: SqlReader, group?: string): Promise<{ code: ExitCode; text: string }> {
  const texts: string[] = [];
  const output: Output = { json: false, result: (_, text) => void texts.push(text), say: () => undefined };
  return { code: await list(sql, output, group), text: texts.join() };
}

describe('dead letters of a group that is named', () => {
  it('when there is no such group, then its name is refused, and those that there are are named', async () => {
    const typo = /There is no consumer group paymnt\. There are: .*payment/;
    await expect(listed(resolved(), 'paymnt')).rejects.toThrow(typo);
    await expect(redrivable(resolved(), { group: 'paymnt' })).rejects.toThrow(typo);
    await expect(redrivable(resolved(), { group: 'paymnt' })).rejects.toThrow(WishError);
  });

  it.each([
    ['it is one of those that run', 'payment'],
    ['it is retired, and its letters are resolved', 'retired'],
    ['none is named', undefined],
  ])('when %s, then there are none', async (_, group) => {
    expect(await listed(resolved('retired'), group)).toEqual({ code: EXIT.done, text: 'no dead letters' });
    expect(await redrivable(resolved('retired'), { group })).toEqual([]);
  });
});
