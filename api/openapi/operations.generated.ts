// Generated from services/services.ts and the files of each service by `npm run generate`. Do not edit.
import { OPERATIONS as shipping } from '../../examples/shipping/src/http/operations.ts';
import { OPERATIONS as catalog } from '../../services/catalog/src/http/operations.ts';
import { OPERATIONS as coupon } from '../../services/coupon/src/http/operations.ts';
import { OPERATIONS as order } from '../../services/order/src/http/operations.ts';
import { OPERATIONS as payment } from '../../services/payment/src/http/operations.ts';
import { OPERATIONS as ranking } from '../../services/ranking/src/http/operations.ts';

export const OPERATIONS_OF = { order, catalog, coupon, payment, ranking, shipping };
