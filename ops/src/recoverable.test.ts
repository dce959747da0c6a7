import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { EVENTS, type EventType, publisherOf } from '@shop/events';
import { SERVICE_NAMES, SERVICES } from '../../services/services.ts';
import { RECOVERABLE } from './replay/recovery.ts';

it("when a service supports RECOVERY=on, then its recovery can be planned, and no other service's", () => {
  const recovers = SERVICE_NAMES.filter((service) =>
    readFileSync(new URL(`../../services/${service}/src/main.ts`, import.meta.url), 'utf8').includes('recovers: true'),
  );
  expect(Object.keys(RECOVERABLE).sort()).toEqual([...recovers].sort());
  expect(SERVICE_NAMES.filter((service) => SERVICES[service].recovers)).toEqual(recovers);
});

it('when a service can be recovered, then every event that it publishes is one of its facts', () => {
  for (const [service, facts] of Object.entries(RECOVERABLE)) {
    const published = (Object.keys(EVENTS) as EventType[]).filter((type) => publisherOf(type) === service);
    expect({ service, facts: [...facts].sort() }).toEqual({ service, facts: published.sort() });
  }
});
