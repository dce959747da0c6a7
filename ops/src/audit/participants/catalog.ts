import type { Participant } from '../participant.ts';

export const PARTICIPANT = {
  part: 'reservation',
  table: 'reservations',
  // An order that ever waited for pieces said so, whatever became of it.
  state: (table) => `IF(${table}.waited = 1, CONCAT(${table}.status, ' after a wait'), ${table}.status)`,
  implies: {
    ACTIVE: ['stock-reserved'],
    SOLD: ['stock-reserved'],
    RELEASED: ['stock-reserved'],
    REJECTED: ['stock-rejected'],
    'WAITING after a wait': ['stock-awaited'],
    'ACTIVE after a wait': ['stock-awaited', 'stock-reserved'],
    'SOLD after a wait': ['stock-awaited', 'stock-reserved'],
    'RELEASED after a wait': ['stock-awaited', 'stock-reserved'],
    'REJECTED after a wait': ['stock-awaited', 'stock-rejected'],
    'VOID after a wait': ['stock-awaited'],
  },
} as const satisfies Participant;
