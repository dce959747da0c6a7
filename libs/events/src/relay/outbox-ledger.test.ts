import { describe, expect, it } from '@jest/globals';
import type { NumberedRow } from '../store/index.ts';
import { createOutboxLedger } from './outbox-ledger.ts';

const QUIET_MS = 1_000;
const row = (seq: number): NumberedRow => ({
  ...{ seq, id: `id-${seq}`, topic: 't', key: 'k', type: 'order-created', payload: null },
  headers: {},
});
const rows = (...seqs: number[]) => seqs.map(row);

/** A ledger that saw number 10 long ago, and the table sent to its end since: no lower number is unsent. */
function opened() {
  const ledger = createOutboxLedger(QUIET_MS);
  ledger.sent(rows(10), 0);
  ledger.sentAll(QUIET_MS);
  const taken = (limit = 100) => ledger.take(limit)?.map(({ seq }) => seq);
  return { ledger, taken };
}

describe('the ledger of the outbox', () => {
  it('when rows follow the last sent number, then they may be sent from memory, in the order of their numbers', () => {
    const { ledger, taken } = opened();
    ledger.add(rows(13, 14), QUIET_MS);
    ledger.add(rows(11, 12), QUIET_MS);
    expect(taken()).toEqual([11, 12, 13, 14]);
    expect(taken(3)).toEqual([11, 12, 13]);
    ledger.sent(rows(11, 12, 13), QUIET_MS);
    expect(taken()).toEqual([14]);
  });

  it('when rows were taken but their sending failed, then the ledger gives them again', () => {
    const { ledger, taken } = opened();
    ledger.add(rows(11), QUIET_MS);
    expect([taken(), taken()]).toEqual([[11], [11]]);
  });

  it('when a number is missing, then no higher row is sent from memory until it is seen', () => {
    const { ledger, taken } = opened();
    ledger.add(rows(11, 13), QUIET_MS);
    expect(taken()).toEqual([11]);
    ledger.sent(rows(11), QUIET_MS);
    expect(taken()).toBeUndefined();
    ledger.add(rows(12), QUIET_MS);
    expect(taken()).toEqual([12, 13]);
  });

  it('when the table had the missing row, then later rows are sent from memory again', () => {
    const { ledger, taken } = opened();
    ledger.add(rows(12, 13), QUIET_MS);
    expect(taken()).toBeUndefined();
    ledger.sent(rows(11, 12), QUIET_MS);
    expect(taken()).toEqual([13]);
  });

  it('when a number is missing for longer than a transaction lives, then it is passed over once the table was sent to its end', () => {
    const { ledger, taken } = opened();
    // The gap is as old as the first higher number, regardless of the quiet time before.
    ledger.sent(rows(12), 5 * QUIET_MS);
    ledger.add(rows(13), 5 * QUIET_MS + 1);
    ledger.sentAll(6 * QUIET_MS - 1);
    expect(taken()).toBeUndefined();
    ledger.sentAll(6 * QUIET_MS);
    expect(taken()).toEqual([13]);
  });

  it("when the broker was away for long, then another process's row in a gap is not passed over by time alone", () => {
    const { ledger, taken } = opened();
    // 11 is another process's: committed, and in the table. Nothing was sent since.
    ledger.add(rows(12), QUIET_MS);
    expect(taken()).toBeUndefined();
    ledger.add(rows(13), 100 * QUIET_MS);
    expect(taken()).toBeUndefined();
  });

  it('when the first number has just been seen, then lower numbers may still commit and the table is read', () => {
    const ledger = createOutboxLedger(QUIET_MS);
    ledger.add(rows(20, 21), 0);
    expect(ledger.take(10)).toBeUndefined();
    ledger.sentAll(QUIET_MS - 1);
    expect(ledger.take(10)).toBeUndefined();
    ledger.sentAll(QUIET_MS);
    expect(ledger.take(10)?.map(({ seq }) => seq)).toEqual([20, 21]);
  });

  it('when more rows wait in the table than were sent since the first number was seen, then nothing is sent from memory before them', () => {
    const ledger = createOutboxLedger(QUIET_MS);
    // The broker was away, and what had been in memory was too much and forgotten.
    ledger.add(rows(5_000, 5_001), 0);
    ledger.sent(rows(...Array.from({ length: 500 }, (_, index) => index + 1)), 60 * QUIET_MS);
    expect(ledger.take(10)).toBeUndefined();
  });

  it('when a row was read from the table before its commit is reported, then it is not sent twice', () => {
    const { ledger, taken } = opened();
    ledger.sent(rows(11, 12), QUIET_MS);
    ledger.add(rows(11, 12, 13), QUIET_MS);
    expect(taken()).toEqual([13]);
    ledger.sent(rows(15), QUIET_MS);
    ledger.add(rows(15), QUIET_MS);
    ledger.sent(rows(13), QUIET_MS);
    ledger.add(rows(14), QUIET_MS);
    expect(taken()).toEqual([14]);
  });

  it('when the ledger is reset or holds too much, then the table is read', () => {
    const { ledger, taken } = opened();
    ledger.add(rows(11), QUIET_MS);
    ledger.reset();
    expect(taken()).toBeUndefined();
    const full = opened();
    full.ledger.add(rows(...Array.from({ length: 5_001 }, (_, index) => 11 + index)), QUIET_MS);
    expect(full.taken()).toBeUndefined();
  });
});
