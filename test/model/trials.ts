import { type Compared, type Comparison, compare, type Difference, type Server, shrink } from './compare.ts';
import { catalogPart } from './parts/catalog.ts';
import { couponPart } from './parts/coupon.ts';
import { messagingPart } from './parts/messaging.ts';
import { orderPart } from './parts/order.ts';
import { paymentPart } from './parts/payment.ts';
import { drawScript } from './script.ts';

/** The scripts of one part on one schema. */
export interface Trial {
  readonly name: string;
  /** The service whose schema the part needs. */
  readonly service: string;
  /** Runs the script of the seed on both sides. */
  run(seed: number, server: Server): Promise<Comparison>;
  /** The shortest script of the seed in which they differ; undefined when they do not any more. */
  shrink(seed: number, server: Server): Promise<Difference | undefined>;
}

export function trialOf<Ports>(part: Compared<Ports>, service: string): Trial {
  let spaces = 0;
  // Half of the scripts begin with other rows than the others, which the number says.
  const spaceFor = (seed: number) => ++spaces * 2 + (seed % 2);
  return {
    name: part.name,
    service,
    run: (seed, server) => compare(part, drawScript(part, seed, spaceFor(seed)), server),
    shrink: (seed, server) => shrink(part, seed, server, () => spaceFor(seed)),
  };
}

export const TRIALS: readonly Trial[] = [
  trialOf(messagingPart, 'payment'),
  trialOf(paymentPart, 'payment'),
  trialOf(catalogPart, 'catalog'),
  trialOf(couponPart, 'coupon'),
  trialOf(orderPart, 'order'),
];
