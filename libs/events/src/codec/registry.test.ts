import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { OutageError } from '../errors.ts';
import { createRegistry } from './registry.ts';

const SCHEMA = '{"type":"record","namespace":"shop","name":"T","fields":[]}';

/** Calls `work` with the address of a server that answers everything with this status and body. */
async function answering<T>(status: number, body: string, work: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': body.startsWith('{') ? 'application/json' : 'text/plain' }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    return await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

it.each([
  ['an ingress without a registry behind it', '404 page not found'],
  ['a registry asked by a wrong path', '{"error_code":404,"message":"HTTP 404 Not Found"}'],
  ['a server of another kind', '{"detail":"Not Found"}'],
])('when %s answers 404, then it is an outage: nobody has said that there is no such schema', async (_, body) => {
  await answering(404, body, async (url) => {
    await expect(createRegistry(url).fetch(99)).rejects.toThrow(OutageError);
    await expect(createRegistry(url).register('shop.T', SCHEMA)).rejects.toThrow(OutageError);
  });
});

it.each([40_403, 40_401])('when the registry says %i, then there is no such schema', async (code) => {
  const body = JSON.stringify({ error_code: code, message: 'No content with id 99 was found.' });
  expect(await answering(404, body, (url) => createRegistry(url).fetch(99))).toBeUndefined();
});
