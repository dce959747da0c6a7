import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { RushState } from '../../ops-console/rush/rushes.ts';
import { expectStatus } from '../support/api.ts';
import {
  goTo,
  openBrowser,
  openWindow,
  seriousFaults,
  shoot,
  signIn,
  type Window,
  type WindowOptions,
} from '../support/browser.ts';
import { demoToken } from '../support/demo-users.ts';
import { type System, startSystem } from '../support/system.ts';

const BUYERS = 80;
const OPERATOR = 9_999;
const WITHIN_MS = 60_000;

let system: System;
let browser: Browser;
let operator: Record<string, string>;
let window: Window;
let page: Page;
/** A rush that has ended. */
let over = '';

beforeAll(async () => {
  browser = await openBrowser();
  system = await startSystem({ auth: 'on', env: { DEMO_AUTH: 'true' } });
  await system.start('ops-console');
  operator = await demoToken(system.api, OPERATOR, 'ops');
  for (let userId = 1; userId <= BUYERS; userId++) {
    const headers = await demoToken(system.api, userId);
    expectStatus(await system.api.request('POST', '/points/charge', { body: { amount: 1_000_000 }, headers }), 200);
  }
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await system?.stop();
}, 30_000);
afterEach(async () => {
  await window?.close();
  expect(window?.faults ?? []).toEqual([]);
});

async function open(options: WindowOptions = {}): Promise<void> {
  window = await openWindow(browser, system.api.baseUrl, options);
  page = window.page;
}

async function comeToRushHour(rushId = ''): Promise<void> {
  await signIn(page, OPERATOR, { ops: true });
  await goTo(page, rushId ? `/rush-hour/${rushId}` : '/rush-hour');
  await page.getByLabel('Product', { exact: true }).waitFor();
}

/** Starts a rush for a new product and waits for its verdict. */
async function rush(): Promise<RushState> {
  await page.getByLabel(/Buyers/).fill(String(BUYERS));
  await page.getByRole('button', { name: 'Start the rush' }).click();
  await page.locator('.rush-view').waitFor();
  await page.locator('.verdict strong').waitFor({ timeout: WITHIN_MS });
  return await stateOf(idInAddress());
}

const idInAddress = () => page.url().split('/').at(-1) ?? '';

async function stateOf(rushId: string): Promise<RushState> {
  return expectStatus(await system.api.request<RushState>('GET', `/ops/rush/${rushId}`, { headers: operator }), 200)
    .body;
}

/** The number beside a name. */
const shown = (name: string) => page.locator('.counts div', { hasText: name }).locator('dd').innerText();

it('when an operator starts a rush, then its counts come live, the verdict ends it, and the address keeps it', async () => {
  await open();
  await signIn(page, OPERATOR, { ops: true });
  await page.getByRole('link', { name: 'Rush hour' }).click();
  await page.getByLabel('Product', { exact: true }).waitFor();
  const end = await rush();
  over = end.rushId;
  expect(end).toMatchObject({ coupons: { issued: 50 }, orders: { completed: 50 }, audit: { clean: true } });

  const look = async () => {
    expect(await shown('Coupons issued')).toBe('50');
    expect(await shown('Orders completed')).toBe('50');
    expect(await shown('Orders refused')).toBe(String(BUYERS - 50));
    expect(await shown('Buyers served')).toBe(`${BUYERS} of ${BUYERS}`);
    await page.getByText('Clean: every invariant holds.').waitFor();
    await page.getByText(`${BUYERS - 50} × It is sold out`).waitFor();
    const points = (await page.locator('polyline.issued').getAttribute('points')) ?? '';
    expect(points.split(' ').length).toBeGreaterThan(2);
    expect(points).not.toContain('NaN');
  };
  await look();
  await shoot(page, 'rush-hour', { fullPage: true });
  await page.reload();
  await page.locator('.verdict strong').waitFor();
  await look();
});

it('when a rush is running already, then a user who wants another is led to it', async () => {
  await open({ allowed: [409] });
  await comeToRushHour();
  const body = { buyers: BUYERS };
  const begun = await system.api.request<RushState>('POST', '/ops/rush', { body, headers: operator });
  expect((await rush()).rushId).toBe(expectStatus(begun, 202).body.rushId);
});

it('when a user is no operator, then no link leads to the rush, and its page says whom it is for', async () => {
  await open();
  await signIn(page, 1);
  expect(await page.getByRole('link', { name: 'Rush hour' }).count()).toBe(0);
  await goTo(page, '/rush-hour');
  await page.getByText('The rush hour is for operators.').waitFor();
  expect(await page.getByRole('button', { name: 'Start the rush' }).count()).toBe(0);
});

it.each(['light', 'dark'] as const)(
  'when it is looked at on a phone in %s, then axe finds nothing serious, and nothing is too wide',
  async (colorScheme) => {
    await open({ colorScheme, viewport: { width: 375, height: 740 }, hasTouch: true });
    await comeToRushHour(over);
    await page.locator('.verdict strong').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
  },
);

it('when not everything could be checked, then the page says what, and does not call it clean', async () => {
  const state = await stateOf(over);
  const told = { ...state, audit: { ...state.audit, notes: ['Redis is away: the sorted sets were not compared.'] } };
  await open();
  await page.route('**/ops/rush/*/events', (route) =>
    route.fulfill({ contentType: 'text/event-stream', body: `id: 1\ndata: ${JSON.stringify(told)}\n\n` }),
  );
  await comeToRushHour(over);
  await page.getByText('Redis is away: the sorted sets were not compared.').waitFor();
  expect(await page.getByText('every invariant holds').count()).toBe(0);
});

it('when the rush is no longer known, then the page says so, and another can be started', async () => {
  await open({ allowed: [404] });
  await comeToRushHour('01890000-0000-7000-8000-000000000000');
  await page.getByText('Nobody knows this rush any more').waitFor();
  expect(await page.getByRole('button', { name: 'Start the rush' }).isEnabled()).toBe(true);
});

it('when the operator speaks Korean, then so does the rush', async () => {
  await open({ locale: 'ko-KR' });
  await page.evaluate("localStorage.setItem('shop.language', 'en')");
  await comeToRushHour(over);
  await page.locator('.verdict strong').waitFor();
  await page.getByRole('button', { name: '한국어' }).click();
  await page.getByText('이상 없음: 모든 불변 조건이 지켜졌습니다.').waitFor();
});

it('when an operator looks how the shop stands, then pictures tell processes and lag, and who is away stands out', async () => {
  await open({ allowed: [503] });
  await signIn(page, OPERATOR, { ops: true });
  await goTo(page, '/how-it-stands');
  const processes = page.locator('.processes li');
  await processes.first().waitFor();
  expect((await processes.locator('small').allTextContents()).every((state) => state === 'ready')).toBe(true);
  const pictures = page.locator('svg.bars');
  expect(await pictures.count()).toBe(3);
  expect(await pictures.first().getAttribute('aria-label')).toMatch(/^Messages a group is behind: .*payment \d+/);
  expect(await pictures.nth(1).locator('rect.bad').count()).toBe(0);
  expect(await page.getByText('No audit was made on schedule').count()).toBe(1);
  expect(await seriousFaults(page)).toEqual([]);
  await shoot(page, 'how-it-stands');
  await system.process('ranking').kill9();
  await page.locator('.processes li.bad', { hasText: 'ranking' }).waitFor({ timeout: WITHIN_MS });
  await page.locator('.verdict.broken', { hasText: 'ranking' }).waitFor();
  await system.start('ranking');
  await page.locator('.processes li.bad').waitFor({ state: 'detached', timeout: WITHIN_MS });
});

it('when how the shop stands cannot be read any more, then the page says since when, and nothing on it is green', async () => {
  await open({ allowed: [502, 503] });
  await signIn(page, OPERATOR, { ops: true });
  await goTo(page, '/how-it-stands');
  await page.locator('.processes li').first().waitFor();
  await page.route('**/ops/status', (route) => route.fulfill({ status: 502, body: '' }));
  await page.getByRole('alert').filter({ hasText: 'It cannot be read since' }).waitFor({ timeout: WITHIN_MS });
  expect(await page.locator('.verdict.clean, .processes li.good').count()).toBe(0);
  expect(await seriousFaults(page)).toEqual([]);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await page.getByText('It cannot be read since').waitFor({ state: 'detached', timeout: WITHIN_MS });
});
