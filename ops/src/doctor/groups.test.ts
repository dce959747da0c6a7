import { describe, expect, it } from '@jest/globals';
import { groupFailure, groupState, messagingFaults, newLogFaults } from './groups.ts';

const payment = { service: 'payment' } as const;

describe('the diagnosis of a consumer group', () => {
  it('when its members are there, then they are named', () =>
    expect(groupState(payment, ['payment-1'], [])).toEqual({ detail: 'payment-1' }));

  it('when nobody has joined it, then the mend is to start its service', () =>
    expect(groupState(payment, [], []).mend).toBe('start payment'));

  it('when the log no longer holds its place, then it halts, and the mend is the way out, not a start', () => {
    const { wrong, mend } = groupState(payment, [], ['t/0: committed 9, the log holds 0 to 3']);
    expect(wrong).toContain('committed 9');
    expect(mend).toBe('npm run ops -- republish (docs/runbooks/lost-place.md)');
  });

  it('when a right is missing, then the mend is the right', () => {
    const refused = Object.assign(new Error('Not authorized to access group'), { type: 'GROUP_AUTHORIZATION_FAILED' });
    expect(groupFailure(refused).mend).toContain('kafka-acls.sh');
    expect(groupFailure(new Error('failed', { cause: refused })).mend).toContain('kafka-acls.sh');
    expect(groupFailure(new Error('socket closed')).mend).not.toContain('acls');
  });

  it('when partitions or groups have halted or wait, or topics are refused, then each has the page of its runbook', () => {
    const messaging = {
      relaying: true,
      halted: ['payment on order-events/3'],
      lost: ['coupon'],
      refused: [{ topic: 't', reason: 'MESSAGE_TOO_LARGE' }],
      waiting: ['data-platform'],
      haltedPartitions: [],
      restarting: ['payment'],
      lostSchemas: ['order-created'],
    };
    const instance = {
      service: 'payment',
      url: 'u',
      live: true,
      ready: true,
      detail: '',
      measured: true,
      clockSkewMs: undefined,
      messaging,
      openBreakers: [],
    };
    expect(messagingFaults(instance).map(({ mend }) => mend)).toEqual([
      'docs/runbooks/consumer-halted.md',
      'npm run ops -- republish (docs/runbooks/lost-place.md)',
      'docs/runbooks/topic-refused.md',
      'docs/runbooks/data-platform-away.md',
      expect.stringContaining('docs/runbooks/consumer-restarts.md'),
      expect.stringContaining('restore the registry'),
    ]);
    expect(messagingFaults({ ...instance, messaging: undefined })).toEqual([]);
  });
});

describe('whether topics were made anew', () => {
  const log = { topics: async () => [], ranges: async () => [] };

  it('when the inbox of a group cannot be counted in time, then that is a fault, and the others are told all the same', async () => {
    const sql = {
      async query<Row>(text: string): Promise<Row[]> {
        if (text.includes('shop_payment')) throw new Error('the database did not answer within 15 s');
        return [{ n: 1 }] as Row[];
      },
    };
    const faults = await newLogFaults(log, sql, Date.now());
    const [payment] = faults.filter(({ what }) => what === 'log of payment');
    expect(payment?.wrong).toMatch(/could not be looked at: the database did not answer within 15 s$/);
    expect(faults.find(({ what }) => what === 'log of coupon')?.wrong).toContain('they were made anew');
  });
});
