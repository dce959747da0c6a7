import { expect, it } from '@jest/globals';
import { EVENTS, type EventType, publisherOf } from '@shop/events';
import { PUBLICATIONS } from '../../../services/publications.ts';
import { SHOP_NAMES } from '../../../services/services.ts';

it('when a service of the shop publishes an event, then its rows tell it, once', () => {
  const published = (Object.keys(EVENTS) as EventType[]).filter((type) =>
    SHOP_NAMES.some((name) => name === publisherOf(type)),
  );
  const told = PUBLICATIONS.flatMap(({ types }) => types);
  expect(told.toSorted()).toEqual(published.toSorted());
  for (const { service, types } of PUBLICATIONS) expect(types.map(publisherOf)).toEqual(types.map(() => service));
});
