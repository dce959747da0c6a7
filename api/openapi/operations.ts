import { OPERATIONS as CATALOG } from '../../services/catalog/src/http/api.ts';
import { OPERATIONS as COUPON } from '../../services/coupon/src/http/api.ts';
import { AUTH_OPERATIONS as AUTH, OPERATIONS as GATEWAY } from '../../services/gateway/src/api.ts';
import { OPERATIONS as ORDER } from '../../services/order/src/http/api.ts';
import { OPERATIONS as PAYMENT } from '../../services/payment/src/http/api.ts';
import { OPERATIONS as RANKING } from '../../services/ranking/src/http/api.ts';
import type { Described } from './document.ts';

/** Every operation that the gateway passes on to a service. */
export const SERVICE_OPERATIONS: readonly Described[] = [...CATALOG, ...RANKING, ...ORDER, ...COUPON, ...PAYMENT];

/** Every operation of the public API. */
export const ALL_OPERATIONS: readonly Described[] = [...AUTH, ...SERVICE_OPERATIONS, ...GATEWAY];
