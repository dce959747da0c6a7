import { expect, it } from '@jest/globals';
import { EVENTS, type EventType } from '@shop/events';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { renderHeaders } from '../../libs/events/src/codec/headers.ts';
import { readSchemas } from '../../libs/events/src/contracts/schema-files.ts';
import { ALL_GROUPS } from '../../services/groups.ts';
import { asyncApi } from './document.ts';
import { describeEvents } from './events.ts';
import { eventsPage } from './page.ts';

const events = describeEvents(readSchemas(new URL('../../libs/events/schemas/', import.meta.url)));
const document = asyncApi(events, ALL_GROUPS);
const ajv = new Ajv({ strict: false });
addFormats.default(ajv);

it.each(events)('when $type is published, then its headers are those of the document', ({ type, publisher }) => {
  const schema = document.components.messages[type]?.headers;
  const orderId = '0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10';
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const event = { id: orderId, type, time: new Date(), causationId: orderId, traceparent };
  const { attributes } = EVENTS[type] as { attributes?: (data: never) => Record<string, string | null> };
  const headers = renderHeaders(event, publisher, attributes?.({ couponId: orderId, wasCompleted: true } as never));
  const validate = ajv.compile({ ...schema, additionalProperties: false });
  expect([validate(headers), validate.errors]).toEqual([true, null]);
});

it('when an event is in the catalogue, then the document names its publisher, topic, key and groups', () => {
  const redeemed = events.find(({ type }) => type === 'coupon-redeemed');
  expect(redeemed).toMatchObject({ topic: 'coupon-events', publisher: 'coupon', key: 'orderId' });
  expect(events.find(({ type }) => type === 'points-charged')).toMatchObject({ key: 'userId', publisher: 'payment' });
  const { operations, channels } = document;
  expect(Object.keys(operations).filter((name) => name.endsWith('.coupon-events'))).toEqual([
    'coupon.publishes.coupon-events',
    'order.hears.coupon-events',
    'payment.hears.coupon-events',
  ]);
  expect(Object.keys(channels)).toEqual([...new Set(Object.values(EVENTS).map(({ topic }) => topic))]);
});

it('when a service hears an event, then the page shows it', () => {
  const page = eventsPage(document, events, ALL_GROUPS);
  const shown = (type: EventType) => page.includes(`<section id="${type}">`);
  expect(events.map(({ type }) => type).filter((type) => !shown(type))).toEqual([]);
  expect(page).toContain('wasCompleted');
  expect(page).toMatch(/heard by <strong>[^<]*data-platform/);
  expect(page).not.toMatch(/<script|https?:\/\/|style="/);
});
