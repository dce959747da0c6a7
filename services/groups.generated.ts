// Generated from services/services.ts and the files of each service by `npm run generate`. Do not edit.
import { GROUPS as shipping } from '../examples/shipping/src/messaging/subscriptions.ts';
import { GROUPS as catalog } from './catalog/src/messaging/subscriptions.ts';
import { GROUPS as coupon } from './coupon/src/messaging/subscriptions.ts';
import { GROUPS as order } from './order/src/messaging/subscriptions.ts';
import { GROUPS as payment } from './payment/src/messaging/subscriptions.ts';
import { GROUPS as ranking } from './ranking/src/messaging/subscriptions.ts';

export const GROUPS_OF = { order, catalog, coupon, payment, ranking, shipping };
