// Generated from services/services.ts and the files of each service by `npm run generate`. Do not edit.
import { PARTICIPANT as catalog } from './participants/catalog.ts';
import { PARTICIPANT as coupon } from './participants/coupon.ts';
import { PARTICIPANT as payment } from './participants/payment.ts';
import { PARTICIPANT as shipping } from './participants/shipping.ts';

export const PARTICIPANT_OF = { catalog, coupon, payment, shipping };
