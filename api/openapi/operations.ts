import { OPERATIONS as shipping } from '../../examples/shipping/src/http/operations.ts';
import { OPERATIONS as ops } from '../../ops-console/operations.ts';
import { OPERATIONS as catalog } from '../../services/catalog/src/http/operations.ts';
import { OPERATIONS as coupon } from '../../services/coupon/src/http/operations.ts';
import { OPERATIONS as gateway } from '../../services/gateway/src/operations.ts';
import { OPERATIONS as order } from '../../services/order/src/http/operations.ts';
import { OPERATIONS as payment } from '../../services/payment/src/http/operations.ts';
import { OPERATIONS as ranking } from '../../services/ranking/src/http/operations.ts';
import type { Described } from './document.ts';

/** The operations of each service behind the gateway. */
export const BY_SERVICE = { catalog, ranking, order, coupon, payment, shipping, ops };

/** Every operation of the public API. */
export const ALL_OPERATIONS: readonly Described[] = [...Object.values(BY_SERVICE).flat(), ...gateway];
