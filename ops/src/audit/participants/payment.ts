import type { Participant } from '../participant.ts';

export const PARTICIPANT = {
  part: 'payment',
  table: 'payments',
  implies: {
    COMPLETED: ['payment-completed'],
    REFUNDED: ['payment-completed', 'payment-refunded'],
    FAILED: ['payment-failed'],
  },
} as const satisfies Participant;
