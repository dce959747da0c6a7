import { beforeEach, describe, expect, it, jest } from '@jest/globals';
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

describe('a shop that cannot be read', () => {
  it('when it stood well before, then the page says since when, and nothing is green, until it can be read again', async () => {
    let isAway = false;
    answerWith(() => (isAway ? json({}, 502) : json({ ...STATUS, lastAudit: AUDIT })));
    const page = openPage(howItStandsPage);
    await pass(10);
    expect(page.drawn().markup).toContain('Nothing needs a look.');
    isAway = true;
    await pass(6_000);
    const { markup } = page.drawn();
    expect(markup).toMatch(/role="alert">This is of [^<]*It cannot be read since/);
    expect(markup).toContain('Something went wrong (HTTP_502).');
    expect(markup).not.toContain('Nothing needs a look.');
    expect(markup).not.toContain('class=good');
    expect(markup).toContain('order');
    isAway = false;
    await pass(6_000);
    expect(page.drawn().markup).toContain('Nothing needs a look.');
    expect(page.drawn().markup).not.toContain('role="alert"');
    page.leave();
  });

  it('when that is so from the first, then the page says so instead of loading for ever', async () => {
    const sent = answerWith(() => {
      throw new TypeError('connection refused');
    });
    const page = openPage(howItStandsPage);
    await pass(10);
    expect(page.drawn().markup).toMatch(/role="alert">It cannot be read: The shop cannot be reached\./);
    expect(page.drawn().markup).not.toContain('Loading');
    // The page asks again by itself, so a failure is told at once.
    expect(sent).toHaveLength(1);
    page.leave();
  });
});

it('when an audit is told, then its day is too', async () => {
  expect(await shown({ ...STATUS, lastAudit: AUDIT })).toMatch(/audit of May 4, 2026/);
});
