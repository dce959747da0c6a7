import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { expectStatus, patiently } from '../support/api.ts';
import {
  goTo,
  openBrowser,
  openWindow,
  seriousFaults,
  signIn,
  type Window,
  type WindowOptions,
} from '../support/browser.ts';
import { demoToken } from '../support/demo-users.ts';
import { type System, startSystem } from '../support/system.ts';

const STEPS = ['order-created', 'stock-reserved', 'coupon-redeemed', 'payment-completed', 'order-completed'];

let system: System;
let browser: Browser;
let operator: Record<string, string>;
let window: Window;
let page: Page;
let user = 0;

beforeAll(async () => {
  // Orders waiting for a stopped service must not be cancelled meanwhile.
  const env = { DEMO_AUTH: 'true', ORDER_DEADLINE_MS: '120000' };
  browser = await openBrowser();
  system = await startSystem({ auth: 'on', env });
  operator = await demoToken(system.api, 10_000, 'ops');
  await newProduct('teapot', 30_000, 1_000);
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

async function open(options: WindowOptions = {}): Promise<void> {
  window = await openWindow(browser, system.api.baseUrl, options);
  page = window.page;
}
beforeEach(() => {
  user += 1;
});
afterEach(async () => {
  await window?.close();
  expect(window?.faults ?? []).toEqual([]);
});

async function newProduct(name: string, price: number, stockQuantity: number): Promise<number> {
  const body = { name, price, stockQuantity };
  const answer = await system.api.request<{ productId: number }>('POST', '/products', { body, headers: operator });
  return expectStatus(answer, 201).body.productId;
}

function newPolicy(wish: { name: string; totalQuantity: number; discountAmount?: number }): Promise<number> {
  return system.api.newPolicy({ validDays: 7, ...wish }, operator);
}

async function charge(amount: number): Promise<void> {
  await goTo(page, '/points');
  await page.getByLabel(/Amount to charge/).fill(String(amount));
  await page.getByRole('button', { name: 'Charge' }).click();
  await page.getByText(/ charged\.$/).waitFor();
}

async function balance(): Promise<string | null> {
  await goTo(page, '/points');
  await page.getByTestId('balance').filter({ hasNotText: '…' }).waitFor();
  return page.getByTestId('balance').textContent();
}

async function putInBasket(name: string): Promise<void> {
  await goTo(page, '/');
  await page.getByRole('button', { name: `Put in the basket: ${name}` }).click();
  await goTo(page, '/basket');
}

const status = (text: string) => page.getByTestId('order-status').filter({ hasText: text }).waitFor();
const steps = () =>
  page.locator('[data-step]').evaluateAll((items) => items.map((item) => item.getAttribute('data-step')));

describe('an order', () => {
  it('when a user charges, takes a coupon and orders, then every step is shown, and a cancellation returns all', async () => {
    await newPolicy({ name: 'spring sale', discountAmount: 5_000, totalQuantity: 10 });
    await open();
    await signIn(page, user);
    await charge(50_000);
    await goTo(page, '/coupon-rush');
    await page.getByRole('button', { name: 'Get the coupon spring sale' }).click();
    await page.getByText('You got the coupon spring sale.').waitFor();

    await putInBasket('teapot');
    await page.getByLabel('Coupon', { exact: true }).selectOption({ label: 'spring sale: ₩5,000 off' });
    await page.getByText('₩25,000').waitFor();
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    expect(await steps()).toEqual(STEPS);
    const order = page.url();
    expect(await balance()).toBe('₩25,000');

    await page.goto(order);
    await page.getByRole('button', { name: 'Cancel the order' }).click();
    await status('Cancelled');
    await page.getByText('₩25,000 was given back.').waitFor();
    await page.locator('[data-step=order-cancelled]').waitFor();
    // The refund may have arrived already.
    expect((await steps()).slice(0, 6)).toEqual([...STEPS, 'order-cancelled']);
    await expectSoon(balance, '₩50,000');
    await goTo(page, '/coupons');
    await page.getByText('Ready to use').waitFor();
    await goTo(page, '/orders');
    await page.getByLabel('Status').selectOption('Cancelled');
    await page.getByRole('listitem').filter({ hasText: 'teapot' }).waitFor();
  });

  it('when 0 or a part of a piece is typed as the quantity, then the field shows what is ordered', async () => {
    await open();
    await putInBasket('teapot');
    const quantity = page.getByLabel('Quantity of teapot');
    for (const [typed, ordered] of [
      ['0', '1'],
      ['2.5', '2'],
      ['5000', '1000'],
    ] as const) {
      await quantity.fill(typed);
      await quantity.blur();
      expect(await quantity.inputValue()).toBe(ordered);
    }
  });

  it('when the points do not cover an order, then the page says so and nothing is taken', async () => {
    await open();
    await signIn(page, user);
    await putInBasket('teapot');
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Cancelled');
    await page.getByText('Your points do not cover it.').waitFor();
    expect(await balance()).toBe('₩0');
  });

  it('when a price changes while the product is in the basket, then the basket shows it, and the order is at the new price', async () => {
    const productId = await newProduct('kettle', 20_000, 10);
    await open();
    await signIn(page, user);
    await charge(40_000);
    await putInBasket('kettle');
    await page.getByText('₩20,000').first().waitFor();
    await goTo(page, '/');
    const path = `/products/${productId}`;
    expectStatus(await system.api.request('PATCH', path, { body: { price: 15_000 }, headers: operator }), 200);
    await goTo(page, '/basket');
    await page.getByText('Prices have changed since').waitFor();
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    expect(await balance()).toBe('₩25,000');
  });

  it('when an operator takes pieces back and withdraws a product, then the list and the basket say so, until it is on sale again', async () => {
    const productId = await newProduct('samovar', 20_000, 10);
    await open({ allowed: [409] });
    await signIn(page, 10_000, { ops: true });
    await putInBasket('samovar');
    await goTo(page, '/stock');
    const card = page.getByRole('listitem').filter({ hasText: 'samovar' });
    await card.getByLabel('Pieces', { exact: true }).fill('11');
    await card.getByRole('button', { name: 'Take back pieces: samovar' }).click();
    await page.getByText('So many pieces are not available').waitFor();
    await card.getByLabel('Pieces', { exact: true }).fill('4');
    await card.getByRole('button', { name: 'Take back pieces: samovar' }).click();
    await card.getByText('6 in stock').waitFor();
    await card.getByRole('button', { name: 'Withdraw from sale: samovar' }).click();
    await card.getByText('Withdrawn from sale').waitFor();

    await expectSoon(async () => {
      await goTo(page, '/');
      await page.getByRole('button', { name: 'Put in the basket: teapot' }).waitFor();
      return page.getByRole('button', { name: 'Put in the basket: samovar' }).count();
    }, 0);
    await goTo(page, '/basket');
    await page.getByText('No longer on sale').waitFor();
    await goTo(page, '/stock');
    await page.getByLabel('Number of a product').fill(String(productId));
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await card.getByRole('button', { name: 'Put on sale again: samovar' }).click();
    await card.getByRole('button', { name: 'Withdraw from sale: samovar' }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('when a withdrawn product is looked up while a number is typed, then the number stays with its product', async () => {
    const path = `/products/${await newProduct('brazier', 20_000, 10)}`;
    expectStatus(await system.api.request('PATCH', path, { body: { onSale: false }, headers: operator }), 200);
    await open();
    await signIn(page, 10_000, { ops: true });
    await goTo(page, '/stock');
    const piecesOf = (name: string) =>
      page.getByRole('listitem').filter({ hasText: name }).getByLabel('Pieces', { exact: true });
    await piecesOf('teapot').fill('500');
    await page.getByLabel('Number of a product').fill(path.replace('/products/', ''));
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await piecesOf('brazier').waitFor();
    expect([await piecesOf('teapot').inputValue(), await piecesOf('brazier').inputValue()]).toEqual(['500', '']);
  });

  it('when there is no mouse, then the keyboard is enough', async () => {
    await open();
    await tabTo('Sign in');
    await page.keyboard.press('Enter');
    await tabTo('Demo user');
    await page.keyboard.type(String(user));
    await page.keyboard.press('Enter');
    await page.getByText(`Welcome, user ${user}.`).waitFor();
    await tabTo('Points');
    await page.keyboard.press('Enter');
    await page.getByTestId('balance').filter({ hasText: '₩0' }).waitFor();
    await tabTo(/Amount to charge/);
    await page.keyboard.type('40000');
    await page.keyboard.press('Enter');
    await page.getByText('₩40,000 charged.').waitFor();
    await tabTo('Products');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Put in the basket: teapot' }).waitFor();
    await tabTo('Put in the basket: teapot');
    await page.keyboard.press('Space');
    await tabTo('Basket, 1 piece');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Order and pay' }).waitFor();
    await tabTo('Order and pay');
    await page.keyboard.press('Enter');
    await status('Completed');
  });

  /** Presses Tab until the focused element is called `name`. */
  async function tabTo(name: string | RegExp): Promise<void> {
    const focused = page.getByLabel(name, { exact: true }).or(page.getByText(name, { exact: true }));
    for (let press = 0; press < 60; press++) {
      await page.keyboard.press('Tab');
      if (await focused.and(page.locator(':focus')).count()) return;
    }
    throw new Error(`the keyboard does not come to ${name}`);
  }
});

describe('the shop while a part is away', () => {
  it('when the gateway dies while an order is followed, then the page continues and shows its end', async () => {
    await open({ allowed: [502, 503] });
    await signIn(page, user);
    await charge(40_000);
    await system.process('payment').stop();
    await putInBasket('teapot');
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await page.locator('[data-step=stock-reserved].done').waitFor();
    await system.process('gateway').kill9();
    await system.start('payment');
    await system.start('gateway', 1, { DEMO_AUTH: 'true' });
    await status('Completed');
    expect(await steps()).toEqual(STEPS.filter((step) => step !== 'coupon-redeemed'));
    forgiveNetwork();
  });

  it('when orders cannot be followed, then the page asks for the end, and shows the steps', async () => {
    await open({ allowed: [503] });
    await page.route('**/orders/*/events', (route) => route.fulfill({ status: 503, headers: { 'retry-after': '1' } }));
    await signIn(page, user);
    await charge(40_000);
    await putInBasket('teapot');
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    expect(await steps()).toEqual(STEPS.filter((step) => step !== 'coupon-redeemed'));
  });

  it('when the answer to an order is lost and the page is reloaded, then ordering once more leads to that order', async () => {
    await open();
    await signIn(page, user);
    await charge(70_000);
    await newPolicy({ name: 'once', totalQuantity: 1 });
    await goTo(page, '/coupon-rush');
    await page.getByRole('button', { name: 'Get the coupon once' }).click();
    await page.getByText('You got the coupon once.').waitFor();
    await putInBasket('teapot');
    await page.getByLabel('Coupon', { exact: true }).selectOption({ label: 'once: ₩1,000 off' });
    const orderId = await orderWithoutAnswer();
    await page.reload();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    expect(page.url()).toContain(`#/orders/${orderId}`);
    expect(await balance()).toBe('₩41,000');
    forgiveNetwork();
  });

  it('when the answer to an order is lost and the tab is closed, then ordering in another tab leads to that order', async () => {
    await open();
    await signIn(page, user);
    await charge(70_000);
    await putInBasket('teapot');
    const orderId = await orderWithoutAnswer();
    const other = await page.context().newPage();
    await page.close();
    page = other;
    await signIn(page, user);
    await goTo(page, '/basket');
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    expect(page.url()).toContain(`#/orders/${orderId}`);
    expect(await balance()).toBe('₩40,000');
    await goTo(page, '/basket');
    await page.getByText('The basket is empty.').waitFor();
    forgiveNetwork();
  });

  /** Orders the basket; the shop places the order, and its answers are lost. @returns the order */
  async function orderWithoutAnswer(): Promise<string | null> {
    const lost = Promise.withResolvers<string | null>();
    await page.route('**/orders', async (route) => {
      const answer = await route.fetch();
      await route.abort('connectionreset');
      lost.resolve(((await answer.json()) as { orderId?: string }).orderId ?? null);
    });
    await page.getByRole('button', { name: 'Order and pay' }).click();
    return await lost.promise;
  }

  it('when the answer to added pieces is lost, then they are added once', async () => {
    const productId = await newProduct('ladle', 20_000, 10);
    await open();
    await signIn(page, 10_000, { ops: true });
    await goTo(page, '/stock');
    await page.getByLabel('Number of a product').fill(String(productId));
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    let changes = 0;
    await page.route(`**/products/${productId}`, async (route) => {
      if (route.request().method() !== 'PATCH') return route.fallback();
      changes += 1;
      if (changes > 1) return route.fallback();
      await route.fetch();
      return route.abort('connectionreset');
    });
    const card = page.getByRole('listitem').filter({ hasText: 'ladle' });
    await card.getByLabel('Pieces', { exact: true }).fill('6');
    await card.getByRole('button', { name: 'Add pieces: ladle' }).click();
    expect(await card.getByRole('button', { name: 'Add pieces: ladle' }).isDisabled()).toBe(true);
    await card.getByText('16 in stock').waitFor();
    expect(changes).toBe(2);
    forgiveNetwork();
  });

  it('when the shop is too busy for an order, then the page waits as told, says so, and sends the same order again', async () => {
    await open({ allowed: [503] });
    await signIn(page, user);
    await charge(40_000);
    await putInBasket('teapot');
    const keys: (string | undefined)[] = [];
    await page.route('**/orders', async (route) => {
      keys.push(
        await route
          .request()
          .headerValue('idempotency-key')
          .then((key) => key ?? undefined),
      );
      if (keys.length > 2) return route.fallback();
      const problem = { code: 'SERVICE_UNAVAILABLE', status: 503 };
      const headers = { 'retry-after': '2', 'content-type': 'application/problem+json' };
      return route.fulfill({ status: 503, headers, body: JSON.stringify(problem) });
    });
    // A text shown for a second may be gone before this process looks, so the page records its texts.
    await page.evaluate(`{
      window.shown = [];
      new MutationObserver(() => window.shown.push(document.body.innerText))
        .observe(document.body, { subtree: true, childList: true, characterData: true });
    }`);
    await page.getByRole('button', { name: 'Order and pay' }).click();
    await status('Completed');
    const shown = await page.evaluate<string[]>('window.shown');
    expect(shown.some((text) => text.includes('The shop is busy.'))).toBe(true);
    const seconds = shown.flatMap((text) => /Trying again in (\d+) s/.exec(text)?.[1] ?? []).map(Number);
    expect(seconds.length).toBeGreaterThan(0);
    expect(Math.max(...seconds)).toBeLessThanOrEqual(3);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toBeTruthy();
    await page.getByText('Trying again').waitFor({ state: 'detached' });
    expect(await balance()).toBe('₩10,000');
  });

  it('when payment is away, then its page says so in words, and the rest of the shop works', async () => {
    await open({ allowed: [503] });
    await signIn(page, user);
    await system.process('payment').stop();
    await goTo(page, '/points');
    await page.getByText(/Trying again in|is away for a moment/).waitFor();
    await goTo(page, '/');
    await page.getByRole('button', { name: 'Put in the basket: teapot' }).waitFor();
    await system.start('payment');
    expect(await balance()).toBe('₩0');
  });

  it('when the session is no longer valid, then the user is asked to sign in and returns to the page', async () => {
    await open({ allowed: [401] });
    await signIn(page, user);
    await page.evaluate(`{
      const session = JSON.parse(sessionStorage.getItem('shop.session'));
      sessionStorage.setItem('shop.session', JSON.stringify({ ...session, token: session.token.slice(0, -9) + 'forged000' }));
    }`);
    await goTo(page, '/points');
    await page.getByText('Sign in to go on.').waitFor();
    await page.getByLabel('Demo user').fill(String(user));
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByTestId('balance').waitFor();
  });

  /** Ignores connections broken by killing the gateway, which are part of the test. */
  function forgiveNetwork(): void {
    const others = window.faults.filter((fault) => !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(fault));
    expect(others).toEqual([]);
    window = { ...window, faults: [] };
  }
});

describe('the coupon rush', () => {
  it('when 200 users want 50 coupons, one of them in a browser, then 50 get one and 150 are told that none is left', async () => {
    const couponPolicyId = await newPolicy({ name: 'rush', totalQuantity: 50 });
    const others = Array.from({ length: 199 }, (_, index) => 5_000 + index);
    const tokens = await Promise.all(others.map((id) => demoToken(system.api, id)));
    await open({ allowed: [409] });
    await signIn(page, user);
    await goTo(page, '/coupon-rush');
    const button = page.getByRole('button', { name: 'Get the coupon rush' });
    await button.waitFor();
    const answers = Promise.all(
      tokens.map((headers) =>
        patiently(() => system.api.request('POST', '/coupons/issue', { body: { couponPolicyId }, headers })),
      ),
    );
    await button.click();
    const inBrowser = page.getByText(/You got the coupon rush\.|All coupons are gone\./).first();
    await inBrowser.waitFor();
    const mine = (await inBrowser.textContent())?.includes('You got') ? 200 : 409;
    const statuses = [...(await answers).map((answer) => answer.status), mine];
    expect(statuses.filter((each) => each === 200)).toHaveLength(50);
    expect(statuses.filter((each) => each === 409)).toHaveLength(150);
    await page.getByText('0 of 50 left').waitFor();
    await goTo(page, '/coupons');
    if (mine === 200) await page.getByText('Ready to use').waitFor();
    else await page.getByText('You have no coupons.').waitFor();
  });
});

/** Waits for a text: refunds come by event, a moment after the cancellation. */
async function expectSoon<T>(read: () => Promise<T>, wanted: NoInfer<T>): Promise<void> {
  const deadline = Date.now() + 10_000;
  let last = await read();
  while (last !== wanted && Date.now() < deadline) {
    await page.reload();
    last = await read();
  }
  expect(last).toBe(wanted);
}
