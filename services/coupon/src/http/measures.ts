import type { Metrics } from '@shop/chassis';
import type { IssueOutcome } from '../domain/issue.ts';

/** Counts an answer, by its kind and its source. */
export type CountAnswer = (kind: IssueOutcome['kind'] | 'ACCEPTED', way: 'door' | 'database' | 'log') => void;

export function createCountAnswer(metrics: Metrics): CountAnswer {
  const answers = metrics.counter('coupon_answers_total', 'Answers to requests for a coupon, by kind and way', [
    'answer',
    'way',
  ]);
  return (kind, way) => answers.inc({ answer: kind.toLowerCase(), way });
}
