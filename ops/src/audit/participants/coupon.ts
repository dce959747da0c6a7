import type { Participant } from '../participant.ts';

export const PARTICIPANT = {
  part: 'redemption',
  table: 'redemptions',
  implies: {
    REDEEMED: ['coupon-redeemed'],
    RETURNED: ['coupon-redeemed'],
    SPARED: ['coupon-redeemed'],
    REJECTED: ['coupon-rejected'],
  },
} as const satisfies Participant;
