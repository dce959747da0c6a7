// Generated from services/services.ts and the files of each service by `npm run generate`. Do not edit.
import { sagaTable as shipping } from '../../examples/shipping/test/examples.ts';
import { sagaTable as catalog } from '../../services/catalog/test/examples.ts';
import { sagaTable as coupon } from '../../services/coupon/test/examples.ts';
import { sagaTable as order } from '../../services/order/test/examples.ts';
import { sagaTable as payment } from '../../services/payment/test/examples.ts';

export const SAGA_TABLE_OF = { order, catalog, coupon, payment, shipping };
