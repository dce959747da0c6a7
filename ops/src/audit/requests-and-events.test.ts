import { expect, it } from '@jest/globals';
import { EVENTS, type EventType } from '@shop/events';
import { comparedTypes } from './requests-and-events.ts';

it('when an event has an id of its own, then it is compared with the rows of its requests', () => {
  const ofRequests = (Object.keys(EVENTS) as EventType[]).filter((type) => EVENTS[type].id !== 'derived');
  expect(comparedTypes().toSorted()).toEqual(ofRequests.toSorted());
});
