import { beforeEach, expect, it, jest } from '@jest/globals';
import { startSession } from '../session.ts';
import { answerWith, json, type Listener, openPage, pass, standInForBrowser } from '../testing.ts';
import { stockPage } from './stock.ts';

const product = (productId: number) => ({ productId, name: `p${productId}`, price: 5, stockQuantity: 9 });

/** Fields of a form that a test fills in: no form is there without a document. */
let fields: Record<string, string> = {};

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
  startSession({ userId: 1, scope: 'ops', token: 't' });
  const FormOfTest = class {
    get(name: string): string | null {
      return fields[name] ?? null;
    }
  };
  Object.defineProperty(globalThis, 'FormData', { value: FormOfTest, configurable: true, writable: true });
});

function submit(listener: Listener | undefined, filled: Record<string, string>, submitter = ''): void {
  fields = filled;
  listener?.call({ preventDefault: () => undefined, target: {}, submitter: { value: submitter } });
}

function open() {
  const sent = answerWith(({ path }) => {
    const id = /^\/products\/(\d+)$/.exec(path)?.[1];
    if (id) return json(product(Number(id)));
    if (path.includes('cursor')) return json({ items: [product(3), product(77)], nextCursor: null });
    return json({ items: [product(1), product(2)], nextCursor: 'c' });
  });
  const page = openPage(stockPage);
  const ids = () => [...page.drawn().markup.matchAll(/id="pieces-(\d+)/g)].map(([, id]) => Number(id));
  const forms = () => page.drawn().listeners.filter(({ event }) => event === 'submit');
  return { page, sent, ids, forms };
}

it('when a product is looked up that the list brings later, then no card changes its place', async () => {
  const { page, ids, forms } = open();
  await pass(10);
  expect(ids()).toEqual([1, 2]);
  submit(forms()[0], { product: '77' });
  await pass(10);
  expect(ids()).toEqual([77, 1, 2]);
  submit(forms()[0], { product: '2' });
  await pass(10);
  submit(forms()[0], { product: '80' });
  await pass(10);
  expect(ids()).toEqual([77, 80, 1, 2]);
  page
    .drawn()
    .listeners.filter(({ event }) => event === 'click')
    .at(-1)
    ?.call({});
  await pass(10);
  expect(ids()).toEqual([77, 80, 1, 2, 3]);
});

it('when pieces are added, then no button adds or takes back others until that has ended', async () => {
  const { page, sent, forms } = open();
  await pass(10);
  const ended = Promise.withResolvers<Response>();
  const changes = answerWith(() => ended.promise);
  submit(forms()[1], { pieces: '5' }, 'restock');
  expect(page.drawn().markup.match(/\?disabled=true/g)).toHaveLength(2);
  ended.resolve(json(product(1)));
  await pass(10);
  expect(page.drawn().markup).not.toContain('disabled=true');
  expect(changes.map(({ method, body }) => [method, body])).toEqual([['PATCH', { restock: 5 }]]);
  expect(sent.every(({ method }) => method === 'GET')).toBe(true);
});
