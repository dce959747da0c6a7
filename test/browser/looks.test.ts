import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { expectStatus } from '../support/api.ts';
import { goTo, openBrowser, openWindow, seriousFaults, shoot, signIn, type WindowOptions } from '../support/browser.ts';
import { demoToken } from '../support/demo-users.ts';
import { type System, startSystem } from '../support/system.ts';

const USER = 77;

let system: System;
let browser: Browser;
let orderId = '';

beforeAll(async () => {
  browser = await openBrowser();
  system = await startSystem({ auth: 'on', env: { DEMO_AUTH: 'true' } });
  orderId = await prepare();
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** Creates something for every page to show. @returns an order */
async function prepare(): Promise<string> {
  const { api } = system;
  const operator = await demoToken(api, 1, 'ops');
  const headers = await demoToken(api, USER);
  const products: number[] = [];
  for (const [index, name] of [
    'Teapot',
    'Cast-iron pan',
    'Wool blanket',
    'Desk lamp',
    'Garden chair',
    'Radio',
  ].entries()) {
    const body = { name, price: 9_000 + index * 7_500, stockQuantity: index === 5 ? 0 : 40 + index };
    const made = await api.request<{ productId: number }>('POST', '/products', { body, headers: operator });
    products.push(expectStatus(made, 201).body.productId);
  }
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  for (const policy of [{ name: 'Welcome' }, { name: 'Tonight', startsAt: inAnHour }]) {
    await api.newPolicy({ ...policy, discountAmount: 3_000, totalQuantity: 50, validDays: 7 }, operator);
  }
  expectStatus(await api.request('POST', '/points/charge', { body: { amount: 300_000 }, headers }), 200);
  const coupon = await api.request<{ couponId: string }>('POST', '/coupons/issue', {
    body: { couponPolicyId: 1 },
    headers,
  });
  const items = [
    { productId: products[0], quantity: 2 },
    { productId: products[2], quantity: 1 },
  ];
  const order = await api.request<{ orderId: string }>('POST', '/orders', {
    body: { items, couponId: expectStatus(coupon, 200).body.couponId },
    headers: { ...headers, prefer: 'wait=20' },
  });
  return expectStatus(order, 201).body.orderId;
}

const PAGES = ['/', '/sign-in', '/basket', '/orders', '/orders/:id', '/coupons', '/coupon-rush', '/points', '/nowhere'];

/** Opens every page and yields it once its content is shown. */
async function* everyPage(options: WindowOptions): AsyncGenerator<{ path: string; page: Page }> {
  const window = await openWindow(browser, system.api.baseUrl, options);
  const { page } = window;
  await page.evaluate("localStorage.setItem('shop.language', 'en')");
  await signIn(page, USER);
  await goTo(page, '/');
  await page.getByRole('button', { name: 'Put in the basket: Teapot' }).click();
  for (const path of PAGES) {
    await goTo(page, path.replace(':id', orderId));
    await page.locator('[aria-busy=true]').waitFor({ state: 'detached' });
    if (path === '/orders/:id') await page.locator('[data-step=order-completed]').waitFor();
    yield { path, page };
  }
  expect(window.faults).toEqual([]);
  await window.close();
}

it.each(['light', 'dark'] as const)(
  'when axe looks at every page in %s, then it finds nothing serious',
  async (colorScheme) => {
    const found: string[] = [];
    for await (const { path, page } of everyPage({ colorScheme })) {
      found.push(...(await seriousFaults(page)).map((fault) => `${path}: ${fault}`));
    }
    expect(found).toEqual([]);
  },
);

it('when the screen is 375 pixels wide, then no page scrolls sideways, and touch targets are large enough', async () => {
  const found: string[] = [];
  for await (const { path, page } of everyPage({ viewport: { width: 375, height: 740 }, hasTouch: true })) {
    const width = await page.evaluate('document.documentElement.scrollWidth');
    if (width !== 375) found.push(`${path} is ${width} wide`);
    const small =
      (await page.evaluate(`[...document.querySelectorAll('button, .button, nav a, input:not([type=checkbox]), select')]
      .filter((it) => it.getBoundingClientRect().height < 43.5).map((it) => it.outerHTML.slice(0, 90))`)) as string[];
    found.push(...small.map((html) => `${path}: ${html}`));
    if (path === '/orders/:id') await shoot(page, 'phone');
  }
  expect(found).toEqual([]);
});

it('when a Korean browser comes, then the shop speaks Korean, and remembers another choice', async () => {
  const window = await openWindow(browser, system.api.baseUrl, { locale: 'ko-KR' });
  const { page } = window;
  await page.getByRole('heading', { level: 1, name: '상품' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('ko');
  await page.getByText('9,000원').first().waitFor();
  await page.getByRole('button', { name: '장바구니에 담기: Teapot' }).click();
  await page.getByText('Teapot을(를) 장바구니에 담았습니다.').waitFor();
  await page.getByRole('link', { name: '쿠폰 받기', exact: true }).click();
  await page.getByText('선착순입니다.').waitFor();
  await page.getByRole('link', { name: '상품' }).click();
  await page.getByRole('button', { name: '장바구니에 담기: Teapot' }).waitFor();
  await shoot(page, 'shop-ko');
  await page.getByRole('button', { name: 'English' }).click();
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Products' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('en');
  expect(window.faults).toEqual([]);
  await window.close();
});

it('when something was sold, then it stands first, among the best sold', async () => {
  for await (const { path, page } of everyPage({})) {
    if (path === '/') {
      const best = page.locator('.popular li').first();
      await best.filter({ hasText: 'Teapot' }).getByText('2 sold').waitFor();
      await shoot(page, 'shop');
    }
    if (path === '/orders/:id') await shoot(page, 'order');
    if (path === '/coupon-rush') await shoot(page, 'coupon-rush');
  }
});
