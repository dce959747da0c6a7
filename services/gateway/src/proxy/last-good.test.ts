import { describe, expect, it } from '@jest/globals';
import { createLastGood } from './last-good.ts';
import { timeLimit } from './time-limits.ts';

const answer = (body: Buffer, ageThen = 0) => ({ contentType: 'text/plain', body, ageThen });

describe('last good answers', () => {
  it('when answers are many and large, then the least recently refreshed are evicted, and the bytes stay within their limit', () => {
    let now = 0;
    const lastGood = createLastGood({ maxAgeSeconds: 60, maxBytes: 100_000, now: () => now });
    const keep = (key: string) => lastGood.keep(key, answer(Buffer.alloc(9_000)));
    for (let i = 0; i < 10; i++) keep(`/products/${i}`);
    now = 1_000;
    keep('/products/0');
    for (let i = 10; i < 18; i++) keep(`/products/${i}`);
    expect(lastGood.bytes).toBeLessThanOrEqual(100_000);
    expect(lastGood.find('/products/0')).toBeDefined();
    expect(lastGood.find('/products/1')).toBeUndefined();
    expect(lastGood.find('/products/17')).toBeDefined();
  });

  it('when answers are many and small, then their number is limited too', () => {
    const lastGood = createLastGood({ maxAgeSeconds: 60 });
    for (let i = 0; i < 5_000; i++) lastGood.keep(`/products?limit=${i}`, answer(Buffer.from('{}')));
    expect(lastGood.find('/products?limit=2999')).toBeUndefined();
    expect(lastGood.find('/products?limit=3000')).toBeDefined();
  });

  it('when one answer is too large, then the others stay', () => {
    const lastGood = createLastGood({ maxAgeSeconds: 60, maxBytes: 100_000 });
    lastGood.keep('/small', answer(Buffer.alloc(10)));
    lastGood.keep('/large', answer(Buffer.alloc(50_000)));
    expect([lastGood.find('/small') !== undefined, lastGood.find('/large')]).toEqual([true, undefined]);
  });

  it('when an answer is too old, then it is not shown', () => {
    let now = 0;
    const lastGood = createLastGood({ maxAgeSeconds: 60, now: () => now });
    lastGood.keep('/products', answer(Buffer.from('old'), 3));
    now = 60_000;
    const old = lastGood.find('/products');
    expect(old && lastGood.age(old)).toBe(63);
    now = 60_001;
    expect(lastGood.find('/products')).toBeUndefined();
  });

  it('when last good answers are off, then none is kept', () => {
    const lastGood = createLastGood({ maxAgeSeconds: 0 });
    lastGood.keep('/products', answer(Buffer.from('x')));
    expect(lastGood.bytes).toBe(0);
  });

  it('when the buffer of an answer is reused, then the kept answer stays the same', () => {
    const lastGood = createLastGood({ maxAgeSeconds: 60 });
    const bytes = Buffer.from('good');
    lastGood.keep('/products', answer(bytes));
    bytes.fill('x');
    expect(lastGood.find('/products')?.body.toString()).toBe('good');
  });
});

describe("the time limit of an answer's head", () => {
  const limits = { readMs: 5_000, writeMs: 10_000, mostMs: 35_000 };
  it.each([
    ['GET', undefined, 5_000],
    ['HEAD', undefined, 5_000],
    ['POST', undefined, 10_000],
    ['POST', 'wait=20', 25_000],
    ['GET', 'wait=3', 8_000],
    ['POST', 'wait=1', 10_000],
    ['POST', 'respond-async, wait=30', 35_000],
    ['POST', 'wait=999999', 35_000],
    ['GET', 'wait=000000030', 35_000],
    ['GET', 'foo;wait=1, wait=30', 35_000],
    ['POST', 'respond-async', 10_000],
    ['POST', 'await=20', 10_000],
  ])('when %s comes with Prefer: %s, then the limit is %i ms', (method, prefer, expected) => {
    expect(timeLimit(method, prefer === undefined ? {} : { prefer }, limits)).toBe(expected);
  });
});
