import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readDashboards } from '../../deploy/local/parts/prometheus.ts';
import { openBrowser, openWindow, seriousFaults, shoot } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { type System, startSystem } from '../support/system.ts';
import { sellAndRefuse, startWatcher, type Watcher } from '../support/watcher.ts';

const dashboards = readDashboards();

/** Scrapes come every few seconds, on a busy machine later. */
const PATIENCE = { withinMs: 60_000 };

let system: System;
let watcher: Watcher;
let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
  system = await startSystem();
  await system.start('ops-console', 1, { AUDIT_EVERY_MINUTES: '10' });
  watcher = await startWatcher(system.stack);
  await eventually('all targets to be up', async () => (await measured('count(up == 1)')) === 7, PATIENCE);
  await sellAndRefuse(system, 20);
  await eventually('the orders to be seen', async () => (await measured('sum(orders_ended_total)')) === 21, PATIENCE);
  await eventually('an audit', async () => (await measured('max(audit_last_end_timestamp_seconds)')) > 0, PATIENCE);
  // A rate needs several scrapes.
  await eventually('a rate', async () => (await measured('sum(status:orders_ended:rate5m)')) > 0, PATIENCE);
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await watcher?.stop();
  await system?.stop();
}, 150_000);

async function measured(query: string): Promise<number> {
  const answer = await fetch(`${watcher.url}/api/v1/query?${new URLSearchParams({ query })}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? Number.NaN);
}

it.each(dashboards)(
  'when $title is opened in a browser, then each of its panels is drawn',
  async ({ uid, title, panels }) => {
    const { page, faults, close } = await openWindow(browser, watcher.url, {
      ...{ path: `/user/#${uid}`, viewport: { width: 1280, height: 900 } },
    });
    await page.locator('main:not([aria-busy])').waitFor();
    await page.getByLabel('Time span').selectOption('a minute');
    expect(await page.locator('nav [aria-current]').textContent()).toBe(title);
    expect(await page.locator('section h2').allTextContents()).toEqual(panels.map((panel) => panel.title));
    await page.getByText('No alert fires.').waitFor();
    // Those of what has not happened have no graph; most things have.
    await eventually('graphs', async () => (await page.locator('svg[role=img]').count()) >= 6, PATIENCE);
    expect(await page.locator('svg path[fill=none]').first().getAttribute('d')).toMatch(/^M/);
    expect(await seriousFaults(page)).toEqual([]);
    await shoot(page, `watched-${uid.replace('shop-', '')}`);
    expect(faults).toEqual([]);
    await close();
  },
  120_000,
);

it('when a service is away, then the page says which, in words, before anybody is woken', async () => {
  const { page, close } = await openWindow(browser, watcher.url, { path: '/user/#shop-order-flow' });
  await system.process('ranking').kill9();
  await eventually('it to be seen', async () => (await measured('count(up == 0)')) === 1, PATIENCE);
  await page.reload();
  const away = page.locator('section.stat', { hasText: 'Instances away' });
  await away.waitFor();
  expect(await away.locator('output').textContent()).toBe('1');
  await system.start('ranking');
  await close();
}, 150_000);
