import { afterAll } from '@jest/globals';

/**
 * Imported by every test of the system: a rejection that nobody handled fails the file, even if it came while no test
 * was waiting. (A handle that is left open keeps Jest from ending, which the test command treats as a failure.)
 */
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => void rejections.push(reason);
process.on('unhandledRejection', onRejection);

afterAll(() => {
  process.off('unhandledRejection', onRejection);
  if (rejections.length === 0) return;
  const reasons = rejections.map((reason) =>
    reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
  );
  throw new Error(`${rejections.length} rejections were handled by nobody:\n${reasons.join('\n')}`);
});
