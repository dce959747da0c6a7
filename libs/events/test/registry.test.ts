import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createCodec, OutageError, UndecodableError } from '../src/index.ts';
import { createRegistry } from '../src/registry.ts';
import { orderCreated, orderId } from '../src/testing/samples.ts';
import { testStack } from './support.ts';

const url = testStack().env.SCHEMA_REGISTRY_URL ?? '';
const newSubject = () => `shop.test.v1.T${randomUUID().replaceAll('-', '')}`;
const schemaOf = (subject: string, fields: object[]) => {
  const dot = subject.lastIndexOf('.');
  return JSON.stringify({ type: 'record', name: subject.slice(dot + 1), namespace: subject.slice(0, dot), fields });
};
const a = { name: 'a', type: 'string' };

/** As the codec does it: again, as long as it is told that this may help. */
async function register(subject: string, schema: string): Promise<number> {
  const registry = createRegistry(url);
  for (;;) {
    try {
      return await registry.register(subject, schema);
    } catch (error) {
      if (!(error instanceof OutageError)) throw error;
    }
  }
}

describe('the schema registry', () => {
  it('gives many that register the same new schema at once the same id, and the subject its level', async () => {
    const subject = newSubject();
    const ids = await Promise.all(Array.from({ length: 8 }, () => register(subject, schemaOf(subject, [a]))));
    expect(new Set(ids).size).toBe(1);
    const config = await fetch(`${url}/config/${subject}`);
    expect(await config.json()).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
  });

  it('refuses an incompatible change for good, and accepts a compatible one', async () => {
    const subject = newSubject();
    await register(subject, schemaOf(subject, [a]));
    await expect(register(subject, schemaOf(subject, [a, { name: 'b', type: 'string' }]))).rejects.toThrow('refuses');
    await register(subject, schemaOf(subject, [a, { name: 'b', type: 'string', default: '' }]));
  });

  it('tells an unknown schema from an outage', async () => {
    expect(await createRegistry(url).fetch(99_999_999)).toBeUndefined();
    await expect(createRegistry('http://127.0.0.1:9').fetch(1)).rejects.toThrow(OutageError);
  });

  it('serves the codec', async () => {
    const codec = createCodec({ registryUrl: url });
    await codec.ready();
    const { data } = orderCreated(orderId(1));
    const message = codec.encode('order-created', data);
    expect(await createCodec({ registryUrl: url }).decode(message)).toEqual({ type: 'order-created', data });
    message.writeUInt32BE(99_999_999, 1);
    await expect(codec.decode(message)).rejects.toThrow(UndecodableError);
  });
});
