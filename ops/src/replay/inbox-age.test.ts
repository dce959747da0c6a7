import { expect, it } from '@jest/globals';
import { refuseBeyondInbox } from './inbox-age.ts';
import { WishError } from './wish-error.ts';

const now = new Date('2026-01-31T12:00:00Z');

it('when a replay begins within nine days, then it is allowed; when earlier, then it is refused in words', () => {
  refuseBeyondInbox(new Date('2026-01-22T12:00:00Z'), now);
  const tooOld = () => refuseBeyondInbox(new Date('2026-01-22T11:59:59.999Z'), now);
  expect(tooOld).toThrow(WishError);
  expect(tooOld).toThrow('is too long ago: inboxes remember 10 days');
  expect(tooOld).toThrow('The earliest is 2026-01-22T12:00:00.000Z.');
});
