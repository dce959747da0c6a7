import { goProgram } from './go.ts';

/** The `k6` for load tests. */
export function findK6(): Promise<string> {
  return goProgram({ name: 'k6', version: '1.8.1', module: 'go.k6.io/k6', from: 'https://k6.io' });
}
