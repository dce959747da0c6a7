import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type RunningServer, serve } from './server.ts';

const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0);
});

const hears: RequestListener = (request, response) =>
  request
    .resume()
    .on('end', () => response.end('heard'))
    .on('error', () => undefined);

async function listen(
  options: Partial<Parameters<typeof serve>[1]> = {},
  app: RequestListener = hears,
): Promise<RunningServer> {
  const server = await serve(app, { host: '127.0.0.1', port: 0, ...options });
  servers.push(server);
  return server;
}

/** Sends raw text, which fetch could not, and resolves with all received data until the connection ends. */
function send(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (data) => (heard += data));
    socket.on('error', () => undefined).once('close', () => resolve(heard));
  });
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n';
const whole = (status: number, code: string) =>
  new RegExp(
    `^HTTP/1.1 ${status} [^]*application/problem\\+json[^]*Connection: close\r\n\r\n{[^]*"code":"${code}"[^]*}$`,
  );

describe('requests that do not reach the application', () => {
  it('when the headers are too large, then 431', async () => {
    const { port } = await listen();
    expect(await send(port, `${GET}X-Large: ${'a'.repeat(17_000)}\r\n\r\n`)).toMatch(whole(431, 'HEADERS_TOO_LARGE'));
  });

  it.each(['foo', '200-ok', ''])(
    'when it expects what cannot be met (%s), then 417 with a problem, and the application is not asked',
    async (expectation) => {
      const { port } = await listen({}, () => {
        throw new Error('asked');
      });
      const body = 'Content-Length: 2\r\n\r\n{}';
      expect(await send(port, `POST / HTTP/1.1\r\nHost: x\r\nExpect: ${expectation}\r\n${body}`)).toMatch(
        /^HTTP\/1.1 417 [\s\S]*application\/problem\+json[\s\S]*"code":"EXPECTATION_FAILED"/,
      );
    },
  );

  it('when the text is not HTTP, then 400', async () => {
    const { port } = await listen();
    expect(await send(port, 'SSH-2.0-OpenSSH_9.2\r\n\r\n')).toMatch(whole(400, 'VALIDATION_FAILED'));
  });

  it('when the headers trickle in, then 408 and the connection ends', async () => {
    const { port } = await listen({ headersTimeoutMs: 200 });
    expect(await send(port, `${GET}X-Slow: `)).toMatch(whole(408, 'REQUEST_TIMEOUT'));
  });

  it('when the body trickles in, then 408 and the connection ends', async () => {
    const { port } = await listen({ headersTimeoutMs: 200, requestTimeoutMs: 400 });
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n';
    expect(await send(port, `${head}12345`)).toMatch(whole(408, 'REQUEST_TIMEOUT'));
  });

  it('when a request was refused before its body came, then there is no second answer when the time is over', async () => {
    const refuses: RequestListener = (_, response) => void response.writeHead(401).end('who?');
    const { port } = await listen({ headersTimeoutMs: 200, requestTimeoutMs: 400 }, refuses);
    const heard = await send(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345');
    expect(heard.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 401']);
  });

  it('when nonsense follows a request, then the error is never taken for the answer to the request', async () => {
    const { port } = await listen();
    const heard = await send(port, `${GET}\r\n\u0000nonsense\r\n\r\n`);
    const [first = '200'] = heard.split('HTTP/1.1 ').slice(1);
    expect(first.slice(0, 3)).toBe('200');
  });

  it('when the limit of connections is reached, then another is closed, and the existing ones are served', async () => {
    const { port } = await listen({ maxConnections: 1 });
    const first = connect(port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    expect(await send(port, `${GET}\r\n`)).toBe('');
    const answer = new Promise((resolve) => first.once('data', (data) => resolve(data.toString())));
    first.write(`${GET}\r\n`);
    expect(await answer).toMatch(/^HTTP\/1.1 200 OK/);
    first.destroy();
  });
});
