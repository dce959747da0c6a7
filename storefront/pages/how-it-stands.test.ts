import { beforeEach, expect, it, jest } from '@jest/globals';
import { startSession } from '../session.ts';
import { answerWith, json, openPage, pass, standInForBrowser } from '../testing.ts';
import type { ShopStatus } from '../types.ts';
import { howItStandsPage } from './how-it-stands.ts';

const STATUS: ShopStatus = {
  instances: [{ service: 'order', url: 'http://order', live: true, ready: true }],
  ...{ groups: [], outboxes: [], deadLetters: [], problems: [] },
};
const AUDIT = { endedAt: '2026-05-04T03:02:01.000Z', state: 'HOLDS', violations: 0, notMade: [] } as const;

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
  startSession({ userId: 1, scope: 'ops', token: 't' });
});

async function shown(status: ShopStatus): Promise<string> {
  answerWith(() => json(status));
  const page = openPage(howItStandsPage);
  await pass(10);
  page.leave();
  return page.drawn().markup;
}

it('when the last audit could not make every check, then the page names them, and does not say that all held', async () => {
  const markup = await shown({ ...STATUS, lastAudit: { ...AUDIT, notMade: ['door-knows-the-coupons'] } });
  expect(markup).toContain('door-knows-the-coupons');
  expect(markup).toContain('not everything could be checked');
  expect(markup).not.toContain('Every invariant held');
});

it('when the last audit made every check, then the page says that all held', async () => {
  expect(await shown({ ...STATUS, lastAudit: AUDIT })).toContain('Every invariant held');
});
