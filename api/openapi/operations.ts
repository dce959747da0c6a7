import { OPERATIONS as ops } from '../../ops-console/operations.ts';
import { OPERATIONS as gateway } from '../../services/gateway/src/operations.ts';
import { ABOUT } from './about.ts';
import type { Described } from './document.ts';
import { OPERATIONS_OF } from './operations.generated.ts';

/** The place of a service in the document: that of its first operation's tag. One without a place comes last. */
function placeOf(service: keyof typeof OPERATIONS_OF): number {
  const place = ABOUT.tags.findIndex(({ name }) => name === OPERATIONS_OF[service][0]?.tag);
  return place < 0 ? ABOUT.tags.length : place;
}

const services = (Object.keys(OPERATIONS_OF) as (keyof typeof OPERATIONS_OF)[]).toSorted(
  (a, b) => placeOf(a) - placeOf(b),
);
const inOrder = Object.fromEntries(services.map((name) => [name, OPERATIONS_OF[name]])) as typeof OPERATIONS_OF;

/** The operations of each service behind the gateway. */
export const BY_SERVICE = { ...inOrder, ops };

/** Every operation of the public API. */
export const ALL_OPERATIONS: readonly Described[] = [...Object.values(BY_SERVICE).flat(), ...gateway];
