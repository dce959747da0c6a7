import { describe, expect, it } from '@jest/globals';
import { isUnchanged, renderJson, wantsNow } from './conditional.ts';

const { body, etag } = renderJson({ productId: 1 });

describe('a rendered answer', () => {
  it('when the value is the same, then so is its ETag; another value has another', () => {
    expect(body.toString()).toBe('{"productId":1}');
    expect(etag).toMatch(/^"[\w-]{22}"$/);
    expect(renderJson({ productId: 1 }).etag).toBe(etag);
    expect(renderJson({ productId: 2 }).etag).not.toBe(etag);
  });
});

describe('If-None-Match', () => {
  it.each([
    ['the tag', etag, true],
    ['the tag, weak', `W/${etag}`, true],
    ['a list with it', `"x", W/"y",${etag} `, true],
    ['anything', ' * ', true],
    ['another tag', '"x"', false],
    ['nothing', '', false],
    ['the tag without its quotes', etag.slice(1, -1), false],
    ['half of the tag', etag.slice(0, 12), false],
    ['a longer one', `${etag.slice(0, -1)}x"`, false],
    ['commas alone', ','.repeat(8_000), false],
    ['quotes alone', '"'.repeat(8_000), false],
    ['weak marks alone', 'W/'.repeat(8_000), false],
    ['bytes that are no text', '"\u00ff\u0080"', false],
  ])('when If-None-Match is %s, then it is recognized as such', (_name, given, unchanged) => {
    expect(isUnchanged({ 'if-none-match': given }, etag)).toBe(unchanged);
  });

  it('when If-None-Match is missing, or the answer has no ETag, then the answer is sent', () => {
    expect(isUnchanged({}, etag)).toBe(false);
    expect(isUnchanged({ 'if-none-match': '*' }, undefined)).toBe(false);
  });
});

it.each([
  [undefined, false],
  ['no-cache', true],
  ['max-age=0, No-Cache', true],
  ['no-cache="x"', false],
  ['max-age=0', false],
  ['x-no-cache', false],
  ['no-cachet', false],
])('when Cache-Control is %s, then the present state is wanted: %s', (given, wanted) => {
  expect(wantsNow(given === undefined ? {} : { 'cache-control': given })).toBe(wanted);
});
