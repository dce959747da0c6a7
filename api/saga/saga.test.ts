import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { EVENTS, type EventType, isEventType, publisherOf } from '@shop/events';
import { ALL_GROUPS } from '../../services/groups.ts';
import { type ServiceTable, sagaTables } from './tables.ts';

const tables = sagaTables();
const inputTypes = (service: string): Set<string> =>
  new Set(
    tables
      .filter((table) => table.service === service)
      .flatMap(({ inputs }) => inputs.map((input) => input.split(',')[0] ?? '')),
  );

describe('the tables of the saga', () => {
  it('when a group of the saga hears an event, then its table has it', () => {
    const missing = ALL_GROUPS.filter(({ group }) => tables.some(({ service }) => service === group)).flatMap(
      ({ group: name, handles }) =>
        handles.filter((type) => !inputTypes(name).has(type)).map((type) => `${name}: ${type}`),
    );
    expect(missing).toEqual([]);
  });

  it("when a service publishes an event, then the event's contract names that service", () => {
    const others = [...saidBy(tables)].flatMap(([service, types]) =>
      [...types].filter((type) => publisherOf(type) !== service).map((type) => `${service}: ${type}`),
    );
    expect(others).toEqual([]);
  });

  it('when an event is of one order, then some service publishes it in answer to another, except the first', () => {
    const said = new Set([...saidBy(tables).values()].flatMap((types) => [...types]));
    const ofAnOrder = (Object.keys(EVENTS) as EventType[]).filter((type) => EVENTS[type].id === 'derived');
    expect(ofAnOrder.filter((type) => !said.has(type))).toEqual(['order-created']);
  });

  it('when an order is dead, then no later event is answered by any service', () => {
    const dead = new Set(['RELEASED', 'REJECTED', 'VOID', 'RETURNED', 'REFUNDED', 'FAILED']);
    // A cancelled order still notes that points were taken and given back.
    const answered = tables.flatMap(({ service, rows }) =>
      rows
        .filter(({ state }) => dead.has(state) || state.startsWith('cancelled'))
        .filter(({ outcomes }) =>
          outcomes.some((it) => it.kind === 'changed' && (it.says.length > 0 || it.status !== 'CANCELLED')),
        )
        .map(({ state }) => `${service}: ${state}`),
    );
    expect(answered).toEqual([]);
  });
});

describe('the pictures by hand', () => {
  const arrow = /^\s*([A-Z])-+>>([A-Z]): ([a-z]+-[a-z]+)/;
  const participants: Readonly<Record<string, string>> = { O: 'order', S: 'catalog', K: 'coupon', P: 'payment' };

  it('when ARCHITECTURE.md draws an event between two services, then one publishes it and the other consumes it', () => {
    const text = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
    const drawn = text.split('\n').flatMap((line) => {
      const [, from = '', to = '', type = ''] = arrow.exec(line) ?? [];
      return isEventType(type) ? [{ from: participants[from], to: participants[to], type }] : [];
    });
    expect(drawn.length).toBeGreaterThan(10);
    const wrong = drawn.filter(
      ({ from, to, type }) =>
        publisherOf(type) !== from || !ALL_GROUPS.some(({ group, handles }) => group === to && handles.includes(type)),
    );
    expect(wrong).toEqual([]);
  });

  it('when README.md draws events of the order service, then it publishes and consumes them', () => {
    const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const eventsOf = (line: RegExp): EventType[] =>
      (line.exec(text)?.[1] ?? '').split(/ · |<br\/>/).filter((word): word is EventType => isEventType(word));
    const says = eventsOf(/order ==>\|(.+?)\| log/);
    const hears = eventsOf(/log ==>\|(.+?)\| order/);
    expect(says.filter((type) => publisherOf(type) !== 'order')).toEqual([]);
    const own = ALL_GROUPS.find(({ group }) => group === 'order')?.handles ?? [];
    expect([says.length, hears.length]).toEqual([3, 6]);
    expect(hears.filter((type) => !own.includes(type))).toEqual([]);
  });
});

/** The events that each service says in answer to the inputs of its table. */
function saidBy(tables: readonly ServiceTable[]): ReadonlyMap<string, ReadonlySet<EventType>> {
  return new Map(
    tables.map(({ service, rows }) => [
      service,
      new Set(rows.flatMap(({ outcomes }) => outcomes.flatMap((it) => (it.kind === 'changed' ? it.says : [])))),
    ]),
  );
}
