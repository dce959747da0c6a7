import { describe, expect, it } from '@jest/globals';
import { EXIT, type Output } from '../command.ts';
import type { DeadLetter, Status } from '../dead-letters/read.ts';
import type { SqlReader } from '../sql.ts';
import { type Change, change } from './dead-letters-change.ts';

const letter: DeadLetter = {
  ...{ ref: 'payment/12', service: 'payment', id: 12, group: 'payment', key: 'order-1', status: 'DEAD' },
  ...{ topic: 'catalog-events', partition: 3, offset: 17, eventId: 'event-1', type: 'stock-reserved' },
  ...{ reason: 'HANDLER_ERROR', error: 'Error: no', attempts: 3, failedAt: new Date(0), resolvedAt: null },
  resolution: null,
};

interface Left {
  readonly status: Status;
  readonly behind?: number;
  /** Whether a letter of the key is DEAD. */
  readonly hasDeadFront?: boolean;
}

/** The rows as they are once the change was asked for. */
function rowsOf({ status, behind = 0, hasDeadFront = status === 'DEAD' }: Left): SqlReader {
  const read = (sql: string): unknown[] => {
    if (sql.includes("'PARKED'")) return Array.from({ length: behind }, () => letter);
    if (sql.includes('SELECT 1')) return hasDeadFront ? [{ 1: 1 }] : [];
    return [{ ...letter, status }];
  };
  return { query: async <Row>(sql: string) => read(sql) as Row[] };
}

async function changed(left: Left, verb: Change['verb'], isRefused = false) {
  const words: string[] = [];
  const output: Output = { json: false, result: () => {}, say: (text) => void words.push(text) };
  const request = async (letters: readonly DeadLetter[]) => (isRefused ? letters : []);
  const code = await change(rowsOf(left), output, { execute: true, wait: 0 }, [letter], { verb, request });
  return { code, words: words.join('\n') };
}

describe('the exit code of a redrive or discard', () => {
  it.each<[Change['verb'], Status]>([
    ['redrive', 'DISCARDED'],
    ['discard', 'REDRIVEN'],
    ['discard', 'DISCARDED'],
    ['redrive', 'REDRIVEN'],
  ])('when a %s came too late, for a letter that is %s by now, then it failed', async (verb, status) => {
    const { code, words } = await changed({ status }, verb, true);
    expect(code).toBe(EXIT.failed);
    expect(words).toContain(
      `payment/12 was changed by somebody else meanwhile, and is ${status}: this command left it as it is`,
    );
  });

  it('when a redriven letter fails again and another operator discards it, then the redrive has failed', async () => {
    const { code, words } = await changed({ status: 'DISCARDED' }, 'redrive');
    expect(code).toBe(EXIT.failed);
    expect(words).toContain('payment/12 is DISCARDED, not REDRIVEN: somebody else has acted on it meanwhile');
  });

  it.each<[Change['verb'], Left]>([
    ['redrive', { status: 'REDRIVE' }],
    ['redrive', { status: 'REDRIVEN', behind: 2 }],
    ['discard', { status: 'DISCARDED', behind: 2 }],
  ])(
    'when the service has not acted on a %s yet (%j), then it failed, and the question is whether it runs',
    async (verb, left) => {
      const { code, words } = await changed(left, verb);
      expect(code).toBe(EXIT.failed);
      expect(words).toContain('1 still wait for their service: is it running?');
    },
  );

  it.each<[Change['verb'], Left]>([
    ['redrive', { status: 'DEAD' }],
    ['redrive', { status: 'REDRIVEN', behind: 2, hasDeadFront: true }],
    ['discard', { status: 'DISCARDED', behind: 2, hasDeadFront: true }],
  ])('when after a %s a letter of the key is dead (%j), then something was found', async (verb, left) => {
    expect((await changed(left, verb)).code).toBe(EXIT.found);
  });

  it.each<[Change['verb'], Status]>([
    ['redrive', 'REDRIVEN'],
    ['discard', 'DISCARDED'],
  ])('when a %s has led to %s with nothing left behind, then it is done', async (verb, status) => {
    expect((await changed({ status }, verb)).code).toBe(EXIT.done);
  });
});
