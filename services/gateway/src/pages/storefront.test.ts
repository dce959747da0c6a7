import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { put, reprice, total, without } from '../../../../storefront/basket.ts';
import { clock, createCountdown, remaining } from '../../../../storefront/countdown.ts';
import { createEventParser } from '../../../../storefront/event-stream.ts';
import { wishFor } from '../../../../storefront/kept-wish.ts';
import { wonIn } from '../../../../storefront/money.ts';
import { startGateway } from '../testing.ts';

describe('the files of the shop', () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  beforeAll(async () => {
    gateway = await startGateway([]);
  });
  afterAll(() => gateway.close());

  it("when a browser opens the gateway's address, then it is led to the shop; a program gets JSON", async () => {
    const browser = await fetch(gateway.url, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect([new URL(browser.url).pathname, browser.status]).toEqual(['/shop/', 200]);
    expect(await (await fetch(gateway.url)).json()).toMatchObject({ name: 'shop' });
  });

  it('when the page is opened, then every module it imports is served as JavaScript, without types', async () => {
    const seen = new Set(['/shop/main.ts']);
    for (const path of seen) {
      const answer = await fetch(gateway.url + path);
      expect([path, answer.status, answer.headers.get('content-type')]).toEqual([
        path,
        200,
        'text/javascript; charset=utf-8',
      ]);
      const script = await answer.text();
      expect(script).not.toMatch(/^(export )?(interface|type) /m);
      for (const [, from = ''] of script.matchAll(/(?:^|;)(?:import|export)\b[^;'"]*?from ?['"]([^'"]+)['"](?=;)/gm)) {
        seen.add(new URL(from, `http://x${path}`).pathname);
      }
    }
    const some = [
      '/shop/lit-html.js',
      '/shop/directives/repeat.js',
      '/shop/directive-helpers.js',
      '/shop/pages/order.ts',
    ];
    expect([...seen]).toEqual(expect.arrayContaining(some));
    // Types are stripped as each file is first asked for, which takes a while on a busy machine.
  }, 60_000);

  it('when a file is not served, then the answer is 404', async () => {
    const others = ['/shop/tsconfig.json', '/shop/README.md', '/shop/..%2fpackage.json', '/shop/nothing.ts'];
    for (const path of [...others, '/shop/bars.test.ts', '/shop/testing.ts']) {
      expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 404]);
    }
  });
});

describe('the basket', () => {
  const tea = { productId: 1, name: 'tea', price: 300 };
  const pot = { productId: 2, name: 'pot', price: 5_000 };

  it('when a product is put in twice, then it is one line of two pieces', () => {
    const basket = put(put(put([], tea), pot), tea);
    expect(basket).toEqual([
      { ...tea, quantity: 2 },
      { ...pot, quantity: 1 },
    ]);
    expect(total(basket)).toBe(5_600);
  });

  it('when an order is removed, then products put in meanwhile stay', () => {
    const ordered = put(put([], tea, 2), pot);
    const meanwhile = put(put(ordered, tea, 3), { productId: 3, name: 'cup', price: 900 });
    expect(without(meanwhile, ordered)).toEqual([
      { ...tea, quantity: 1 },
      { productId: 3, name: 'cup', price: 900, quantity: 1 },
    ]);
  });

  it('when a quantity is set, then it is limited to what an order may have', () => {
    expect(put(put([], tea), tea, 7)).toEqual([{ ...tea, quantity: 7 }]);
    expect(put(put([], tea), tea, 5_000)).toEqual([{ ...tea, quantity: 1_000 }]);
    expect(put(put([], tea), tea, 0)).toEqual([]);
  });

  it('when the basket has as many lines as an order may have, then a further product is not added', () => {
    const full = Array.from({ length: 50 }, (_, i) => i).reduce<ReturnType<typeof put>>(
      (basket, productId) => put(basket, { ...tea, productId }),
      [],
    );
    expect(put(full, { ...tea, productId: 99 })).toBe(full);
    expect(put(full, { ...tea, productId: 3 })[3]).toMatchObject({ quantity: 2 });
  });
});

describe('prices', () => {
  const basket = put(put([], { productId: 1, name: 'tea', price: 300 }, 2), {
    productId: 2,
    name: 'pot',
    price: 5_000,
  });

  it('when a price has changed, then the basket has the new one, and all else as before', () => {
    const cheaper = reprice(basket, [
      { productId: 1, name: 'green tea', price: 250 },
      { productId: 3, name: 'cup', price: 9 },
    ]);
    expect(cheaper).toEqual([{ productId: 1, name: 'tea', price: 250, quantity: 2 }, basket[1]]);
    expect(reprice(basket, [{ productId: 2, name: 'pot', price: 5_000 }])).toBe(basket);
  });

  it.each([
    [12_345, '₩12,345', '12,345원'],
    [0, '₩0', '0원'],
    [-1_000_000, '−₩1,000,000', '−1,000,000원'],
  ])('when the amount is %i, then it is %s, and in Korean %s', (won, en, ko) => {
    expect([wonIn('en', won), wonIn('ko', won)]).toEqual([en, ko]);
  });
});

describe('requests with one effect', () => {
  const kept = new Map<string, string>();
  beforeAll(() => {
    const storage = {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => kept.set(name, value),
      removeItem: (name: string) => kept.delete(name),
    };
    // What a tab keeps ends with it, so a wish is kept beside the basket, which outlives the tab.
    Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true });
  });
  afterAll(() => void Reflect.deleteProperty(globalThis, 'localStorage'));

  it('when a wish is repeated before its outcome is known, then its key is the same; else it is another', () => {
    const first = wishFor('charge', { amount: 5 });
    expect(wishFor('charge', { amount: 5 }).key).toBe(first.key);
    expect(wishFor('order', { amount: 5 }).key).not.toBe(first.key);
    first.ended();
    const second = wishFor('charge', { amount: 5 });
    expect(second.key).not.toBe(first.key);
    expect(wishFor('charge', { amount: 6 }).key).not.toBe(second.key);
  });

  it('when a wish ends after another has taken its place, then the other stays open', () => {
    const first = wishFor('charge', { amount: 5 });
    const second = wishFor('charge', { amount: 6 });
    expect(first.ended()).toBe(false);
    expect(wishFor('charge', { amount: 6 }).key).toBe(second.key);
    expect(second.ended()).toBe(true);
  });

  it('when a wish is older than the shop remembers keys, then it is a new one', () => {
    jest.useFakeTimers();
    const first = wishFor('charge', { amount: 5 });
    jest.setSystemTime(Date.now() + 47 * 3_600_000);
    expect(wishFor('charge', { amount: 5 }).key).toBe(first.key);
    jest.setSystemTime(Date.now() + 2 * 3_600_000);
    expect(wishFor('charge', { amount: 5 }).key).not.toBe(first.key);
    jest.useRealTimers();
  });

  it('when only unessential parts differ, then the first wish is repeated word for word', () => {
    const items = [{ productId: 1, quantity: 2 }];
    const itemsOf = (body: { items: typeof items }) => body.items;
    const first = wishFor('order', { items, couponId: 'c', expectedTotal: 90 }, itemsOf);
    expect(wishFor('order', { items, expectedTotal: 100 }, itemsOf)).toMatchObject({
      key: first.key,
      body: first.body,
    });
    const more = [{ productId: 1, quantity: 3 }];
    expect(wishFor('order', { items: more, expectedTotal: 150 }, itemsOf).key).not.toBe(first.key);
  });
});

describe('the countdown', () => {
  it.each([
    [0, '00:00:00', true],
    [1, '00:00:01', false],
    [59_001, '00:01:00', false],
    [86_400_000 + 3_723_000, '1d 01:02:03', false],
  ])('when %i ms are left, then it shows %s', (left, shown, over) => {
    expect(clock(10_000 + left, 10_000, 'd')).toBe(shown);
    expect(remaining(10_000 + left, 10_000).over).toBe(over);
  });
});

describe('the wait for a busy shop', () => {
  it('when requests wait, then the seconds of the shortest wait are shown, until the last has ended', () => {
    jest.useFakeTimers();
    const shown: (number | null)[] = [];
    const countdown = createCountdown((seconds) => shown.push(seconds));
    const endLong = countdown.begin(5_500);
    const endShort = countdown.begin(2_000);
    // The clock of the buyer's machine may be set meanwhile.
    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(1_000);
    endShort();
    jest.advanceTimersByTime(1_000);
    endShort();
    endLong();
    jest.advanceTimersByTime(5_000);
    expect(shown).toEqual([6, 2, 1, 4, null]);
    jest.useRealTimers();
  });
});

describe('the reader of event streams', () => {
  const stream =
    'retry: 700\n\n: heartbeat\n\nid: a\nevent: order\ndata: {"n":1}\n\nid: b\r\nevent: order\r\ndata: 가\r\ndata: 나\r\n\r\ndata: x\rid: c\r\r';

  it('when a stream is cut anywhere, then the events are the same', () => {
    const whole = createEventParser()(`${stream}\n`);
    expect(whole).toEqual({
      retryMs: 700,
      events: [
        { id: 'a', event: 'order', data: '{"n":1}' },
        { id: 'b', event: 'order', data: '가\n나' },
        { id: 'c', event: 'message', data: 'x' },
      ],
    });
    for (let cut = 1; cut < stream.length; cut++) {
      const parse = createEventParser();
      const events = [stream.slice(0, cut), stream.slice(cut), '\n'].flatMap((part) => parse(part).events);
      expect(events).toEqual(whole.events);
    }
  });
});
