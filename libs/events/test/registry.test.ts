import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createRegistry } from '../src/codec/index.ts';
import { createCodec, OutageError, UndecodableError } from '../src/index.ts';
import { orderCreated, orderId } from '../src/testing/samples.ts';
import { testStack } from './support.ts';

const url = testStack().env.SCHEMA_REGISTRY_URL ?? '';
const newSubject = () => `shop.test.v1.T${randomUUID().replaceAll('-', '')}`;
const schemaOf = (subject: string, fields: object[]) => {
  const dot = subject.lastIndexOf('.');
  return JSON.stringify({ type: 'record', name: subject.slice(dot + 1), namespace: subject.slice(0, dot), fields });
};
const a = { name: 'a', type: 'string' };

/** Registers as the codec does: repeats as long as the error says that a retry may help. */
async function register(subject: string, schema: string, registry = createRegistry(url)): Promise<number> {
  for (;;) {
    try {
      return await registry.register(subject, schema);
    } catch (error) {
      if (!(error instanceof OutageError)) throw error;
    }
  }
}

describe('the schema registry', () => {
  it('when many register the same new schema at once, then all get the same id, and the subject its level', async () => {
    const subject = newSubject();
    const ids = await Promise.all(Array.from({ length: 8 }, () => register(subject, schemaOf(subject, [a]))));
    expect(new Set(ids).size).toBe(1);
    const config = await fetch(`${url}/config/${subject}`);
    expect(await config.json()).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
  });

  it("when a subject's creator died before, then its level is set, and a known schema is left as it is", async () => {
    const subject = newSubject();
    const schema = schemaOf(subject, [a]);
    const versions = `${url}/subjects/${subject}/versions`;
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const made = await fetch(versions, { method: 'POST', headers, body: JSON.stringify({ schema }) });
    const { id } = (await made.json()) as { id: number };
    expect(await register(subject, schema)).toBe(id);
    const config = await fetch(`${url}/config/${subject}`);
    expect(await config.json()).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });

    const seen: string[] = [];
    const watched = await startSlowRegistry(0, seen);
    try {
      expect(await register(subject, schema, createRegistry(watched.url))).toBe(id);
    } finally {
      await watched.close();
    }
    expect(seen.filter((it) => !it.startsWith('GET'))).toEqual([`POST /subjects/${subject}`]);
  });

  it('when the registry is slow, then each wait is longer, until an answer comes', async () => {
    const subject = newSubject();
    const slow = await startSlowRegistry(120);
    try {
      const registry = createRegistry(slow.url, { timeoutMs: 20 });
      const id = await register(subject, schemaOf(subject, [a]), registry);
      expect(await register(subject, schemaOf(subject, [a]))).toBe(id);
    } finally {
      await slow.close();
    }
  });

  it('when a change is incompatible, then it is refused for good; when it is compatible, then it is accepted', async () => {
    const subject = newSubject();
    await register(subject, schemaOf(subject, [a]));
    await expect(register(subject, schemaOf(subject, [a, { name: 'b', type: 'string' }]))).rejects.toThrow('refuses');
    await register(subject, schemaOf(subject, [a, { name: 'b', type: 'string', default: '' }]));
  });

  it('when a schema is unknown, then this is told apart from an outage', async () => {
    expect(await createRegistry(url).fetch(99_999_999)).toBeUndefined();
    await expect(createRegistry('http://127.0.0.1:9').fetch(1)).rejects.toThrow(OutageError);
  });

  it('when the codec uses the registry, then events are encoded and decoded', async () => {
    const codec = createCodec({ registryUrl: url });
    await codec.ready();
    const { data } = orderCreated(orderId(1));
    const message = codec.encode('order-created', data);
    expect(await createCodec({ registryUrl: url }).decode(message)).toEqual({ type: 'order-created', data });
    message.writeUInt32BE(99_999_999, 1);
    await expect(codec.decode(message)).rejects.toThrow(UndecodableError);
  });
});

/**
 * The real registry behind a proxy that forwards each request only after `delayMs`, whether its client still waits or
 * not.
 */
async function startSlowRegistry(delayMs: number, seen: string[] = []) {
  const work = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const one = handOn(request, response).catch(() => void response.destroy());
    work.add(one);
    void one.finally(() => work.delete(one));
  });
  async function handOn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent = '';
    for await (const chunk of request) sent += chunk;
    await sleep(delayMs);
    const answer = await fetch(`${url}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
      ...(sent ? { body: sent } : {}),
    });
    const text = await answer.text();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
  }
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await Promise.all(work);
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
