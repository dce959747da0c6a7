// Generated from services/services.ts and the files of each service by `npm run generate`. Do not edit.
import { PROBLEMS as catalog } from '../../services/catalog/src/problems.ts';
import { PROBLEMS as coupon } from '../../services/coupon/src/problems.ts';
import { PROBLEMS as order } from '../../services/order/src/problems.ts';
import { PROBLEMS as payment } from '../../services/payment/src/problems.ts';

export const PROBLEMS_OF = { order, catalog, coupon, payment };
