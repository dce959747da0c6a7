import { describe, expect, it } from '@jest/globals';
import { checkRebuild, readWish } from './options.ts';
import { parseRef } from './requests.ts';
import { WishError } from './wish-error.ts';

const now = new Date('2026-01-31T12:00:00Z');
const from = new Date('2026-01-31T09:00:00Z');

describe('options of a replay', () => {
  it('when only group and time are given, then everything that the group handles is replayed', () => {
    const wish = readWish({ group: 'payment', from }, now);
    expect(wish).toMatchObject({
      topics: ['catalog-events', 'coupon-events', 'order-events'],
      types: null,
      key: null,
      to: undefined,
    });
  });

  it('when a type is given, then only its topic is read', () => {
    const wish = readWish({ group: 'payment', type: 'order-cancelled', from }, now);
    expect(wish).toMatchObject({ topics: ['order-events'], types: ['order-cancelled'] });
  });

  it('when a key is an order id in capitals, then it is that order; any other key is taken as it is', () => {
    const id = '0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10';
    expect(readWish({ group: 'payment', from, key: id.toUpperCase() }, now).key).toBe(id);
    expect(readWish({ group: 'payment', from, key: 'Some Key' }, now).key).toBe('Some Key');
  });

  it.each([
    [
      { group: 'nobody', from },
      'There is no consumer group nobody. There are: order, catalog, coupon, coupon-issue, payment, ranking',
    ],
    [{ group: 'payment', topic: 'payment-events', from }, 'does not hear the topic payment-events. It hears:'],
    [{ group: 'payment', type: 'order-created', from }, 'payment does not handle order-created'],
    [
      { group: 'payment', topic: 'catalog-events', type: 'order-cancelled', from },
      'does not handle order-cancelled on catalog-events',
    ],
    [{ group: 'payment' }, 'From when?'],
    [{ group: 'payment', from: new Date('2026-01-31T12:00:01Z') }, 'is in the future'],
    [{ group: 'payment', from, to: from }, 'is not after --from'],
    [{ group: 'payment', from: new Date('2026-01-22T11:59:59.999Z') }, 'is too long ago'],
  ])('when the options are %j, then they are refused in words', (options, words) => {
    const read = () => readWish(options, now);
    expect(read).toThrow(WishError);
    expect(read).toThrow(words);
  });
});

describe('options of a rebuild', () => {
  it('when a rebuild is of ranking and of everything, then it is accepted', () => {
    expect(() => checkRebuild({ group: 'ranking' })).not.toThrow();
  });

  it.each([
    [{ group: 'payment' }, 'Only ranking can be rebuilt'],
    [{ group: 'ranking', from }, '--from makes no sense'],
    [{ group: 'ranking', key: 'x' }, '--key makes no sense'],
    [{ group: 'ranking', execute: true }, 'wants a --reason'],
    [{ group: 'ranking', force: true }, '--force makes no sense'],
  ])('when the options of a rebuild are %j, then they are refused in words', (options, words) => {
    expect(() => checkRebuild(options)).toThrow(words);
  });
});

describe('the reference of a replay', () => {
  it('when a reference is service/number, then both are read', () => {
    expect(parseRef('payment/12')).toEqual({ service: 'payment', id: 12 });
  });

  it.each(['payment', 'payment/', 'payment/x', 'payment/0', 'nobody/1', 'payment/1/2'])(
    'when a reference is %s, then it is refused',
    (ref) => {
      expect(() => parseRef(ref)).toThrow('names no replay');
    },
  );
});
