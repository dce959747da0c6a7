import { beforeEach, expect, it, jest } from '@jest/globals';
import { startSession } from '../session.ts';
import { answerWith, json, openPage, pass, standInForBrowser } from '../testing.ts';
import { pointsPage } from './points.ts';

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
  startSession({ userId: 1, scope: undefined, token: 't' });
  const FormOfTest = class {
    get = () => '10000';
  };
  Object.defineProperty(globalThis, 'FormData', { value: FormOfTest, configurable: true, writable: true });
});

it('when the page is left and opened again during a charge, then it takes no other, and shows the new balance', async () => {
  const charged = Promise.withResolvers<Response>();
  let balance = 0;
  const sent = answerWith(({ path }) => {
    if (path === '/points/charge') return charged.promise;
    return json(path === '/points' ? { balance } : { items: [], nextCursor: null });
  });
  const first = openPage(pointsPage);
  await pass(10);
  const charge = first.drawn().listeners.find(({ event }) => event === 'submit');
  charge?.call({ preventDefault: () => undefined, target: {} });
  first.leave();
  const second = openPage(pointsPage);
  await pass(10);
  expect(second.drawn().markup).toContain('?disabled=true');
  balance = 10_000;
  charged.resolve(json({}));
  await pass(10);
  expect(second.drawn().markup).toContain('?disabled=false');
  expect(second.drawn().markup).toContain('₩10,000');
  expect(sent.filter(({ method }) => method === 'POST')).toHaveLength(1);
});
