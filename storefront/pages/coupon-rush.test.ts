import { beforeEach, expect, it, jest } from '@jest/globals';
import { answerWith, json, openPage, pass, standInForBrowser } from '../testing.ts';
import { couponRushPage } from './coupon-rush.ts';
import { productsPage } from './products.ts';

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
});

it.each([
  ['coupons left', couponRushPage, '/coupon-policies'],
  ['best sold', productsPage, '/products/popular'],
])(
  'when the %s cannot be read any more, then the page says that they may be old, until they can',
  async (_, open, path) => {
    let isAway = false;
    answerWith((sent) =>
      isAway && sent.path.startsWith(path) ? json({}, 502) : json({ items: [], nextCursor: null }),
    );
    const page = openPage(open);
    await pass(100);
    expect(page.drawn().markup).not.toContain('may be old');
    isAway = true;
    await pass(5_000);
    expect(page.drawn().markup).toContain('What you see may be old. Something went wrong (HTTP_502).');
    isAway = false;
    await pass(5_000);
    expect(page.drawn().markup).not.toContain('may be old');
    page.leave();
  },
);
