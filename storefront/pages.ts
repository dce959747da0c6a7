import { basketPage } from './pages/basket.ts';
import { couponRushPage } from './pages/coupon-rush.ts';
import { couponsPage } from './pages/coupons.ts';
import { endCouponsPage } from './pages/end-coupons.ts';
import { howItStandsPage } from './pages/how-it-stands.ts';
import { orderPage } from './pages/order.ts';
import { ordersPage } from './pages/orders.ts';
import { pointsPage } from './pages/points.ts';
import { productsPage } from './pages/products.ts';
import { rushHourPage } from './pages/rush-hour.ts';
import { signInPage } from './pages/sign-in.ts';
import { stockPage } from './pages/stock.ts';
import type { PageRoute } from './router.ts';

/** Every page and its address. */
export const pages: readonly PageRoute[] = [
  { pattern: /^\/$/, page: productsPage },
  { pattern: /^\/sign-in(?:\?(.*))?$/, page: signInPage },
  { pattern: /^\/basket$/, page: basketPage },
  { pattern: /^\/orders$/, page: ordersPage, user: true },
  { pattern: /^\/orders\/([0-9a-f-]{36})$/, page: orderPage, user: true },
  { pattern: /^\/coupons$/, page: couponsPage, user: true },
  { pattern: /^\/coupon-rush$/, page: couponRushPage },
  { pattern: /^\/points$/, page: pointsPage, user: true },
  { pattern: /^\/end-coupons$/, page: endCouponsPage, user: true },
  { pattern: /^\/how-it-stands$/, page: howItStandsPage, user: true },
  { pattern: /^\/stock$/, page: stockPage, user: true },
  { pattern: /^\/rush-hour(?:\/([0-9a-f-]{36}))?$/, page: rushHourPage, user: true },
];
