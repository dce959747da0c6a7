import { afterAll } from '@jest/globals';

/**
 * Runs before each file of tests (`jest.config.mjs`): an unhandled rejection fails the file, even if it comes while no
 * test is waiting. (An open handle keeps Jest from ending, which the test command treats as a failure.)
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
