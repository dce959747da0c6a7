import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runFlood } from './flood.ts';
import { mixedRequests, requestText } from './mix.ts';
import type { FloodPlan, Share, Step } from './plan.ts';

const reads = (name: string, path: string, weight = 1): Share => ({
  name,
  weight,
  traffic: { kind: 'reads', paths: [path] },
});
const step = (rate: number, seconds: number): Step => ({ name: 'step', rate, seconds });

/**
 * A clock that advances by at most two milliseconds between two looks. So a busy machine makes no request late, and
 * every request of a plan is sent.
 */
function unhurried(): () => number {
  let real = performance.now();
  let shown = real;
  return () => {
    const before = real;
    real = performance.now();
    shown += Math.min(real - before, 2);
    return shown;
  };
}

/** The generator, in this process, against a server with programmed answers. */
describe('a flood', () => {
  let server: Server;
  let asked: number;
  let ports: Set<number>;
  let answer: (path: string, response: ServerResponse, count: number) => void;

  beforeEach(async () => {
    asked = 0;
    ports = new Set();
    answer = (_, response) => void response.end('{}');
    server = createServer((request, response) => {
      asked++;
      ports.add(request.socket.remotePort ?? 0);
      answer(request.url ?? '', response, asked);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(() => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  });

  const flood = async (mix: readonly Share[], steps: readonly Step[], more: Partial<FloodPlan> = {}) => {
    const edges: number[] = [];
    const results = await runFlood(
      {
        target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        mix,
        steps,
        connections: 100,
        patienceMs: 5_000,
        windowMs: 100,
        run: 'test',
        ...more,
      },
      (edge) => edges.push(edge),
      unhurried(),
    );
    return { results, edges, first: results[0]?.kinds };
  };

  it('when a plan has steps, then every request of each is sent, and the beginning of each step is reported', async () => {
    const { results, edges } = await flood([reads('a', '/a')], [step(200, 0.2), step(400, 0.1)]);
    expect(edges).toEqual([0, 1, 2]);
    expect(asked).toBe(80);
    expect(results.map(({ kinds }) => kinds.a)).toMatchObject([
      { offered: 40, right: 40, refused: 0, gone: 0, cut: 0 },
      { offered: 40, right: 40 },
    ]);
    expect(results[0]?.kinds.a?.windows.map(({ offered }) => offered)).toEqual([20, 20]);
    expect(Math.round((results[1]?.from ?? 0) - (results[0]?.to ?? 0))).toBe(0);
  });

  it('when clients wait, then each has its own connection, and free connections are used again', async () => {
    const waiting: ServerResponse[] = [];
    answer = (_, response) => {
      waiting.push(response);
      if (waiting.length === 20) for (const each of waiting.splice(0)) each.end('{}');
    };
    await flood([reads('a', '/a')], [step(100, 0.4)]);
    expect(ports.size).toBe(20);
    expect(asked).toBe(40);
  });

  it('when answers differ, then right ones, refusals, others and lost connections are counted apart', async () => {
    answer = (_, response, count) => {
      const each = count % 5;
      if (each === 0) response.end('{}');
      else if (each === 1) response.writeHead(503, { 'retry-after': '3' }).end('{"code":"SERVICE_UNAVAILABLE"}');
      else if (each === 2) response.writeHead(429).end();
      else if (each === 3) response.writeHead(409).end('{"code":"OUT_OF_STOCK"}');
      else response.socket?.destroy();
    };
    const { first } = await flood([reads('a', '/a')], [step(100, 0.5)]);
    expect(first?.a).toMatchObject({ offered: 50, right: 10, refused: 20, cut: 10, wrong: { '409 OUT_OF_STOCK': 10 } });
    expect(first?.a?.served.count).toBe(10);
    expect(first?.a?.refusedIn.count).toBe(20);
  });

  it("when a client's patience ends without an answer, then it leaves and its connection is broken", async () => {
    const closed: Promise<void>[] = [];
    answer = (_, response) => void closed.push(new Promise((done) => response.once('close', done)));
    const { first } = await flood([reads('a', '/a')], [step(100, 0.1)], { patienceMs: 100 });
    expect(first?.a).toMatchObject({ offered: 10, right: 0, gone: 10 });
    await Promise.all(closed);
  });

  it('when the limit of connections is reached, then no more are opened', async () => {
    answer = () => undefined;
    // A busy machine sends the last requests late. All five connections are still taken then.
    const limits = { connections: 5, patienceMs: 3_000 };
    const { first, results } = await flood([reads('a', '/a')], [step(100, 0.2)], limits);
    expect(first?.a).toMatchObject({ offered: 20, gone: 5, unconnected: 15 });
    expect(results[0]?.mostWaiting).toBe(5);
  });

  it('when a connection is refused, then the client counts as unconnected', async () => {
    const target = 'http://127.0.0.1:1';
    expect((await flood([reads('a', '/a')], [step(100, 0.1)], { target })).first?.a).toMatchObject({ unconnected: 10 });
  });

  it('when an answer comes during a step, then it counts as finished in that step', async () => {
    const held: ServerResponse[] = [];
    answer = (path, response, count) => {
      if (count <= 10) held.push(response);
      else {
        for (const each of held.splice(0)) each.end('{}');
        response.end(path);
      }
    };
    const { results } = await flood([reads('a', '/a')], [step(100, 0.1), step(100, 0.2)]);
    expect(results.map(({ kinds }) => [kinds.a?.right, kinds.a?.finished])).toEqual([
      [10, 0],
      [20, expect.any(Number)],
    ]);
    expect(results[1]?.kinds.a?.finished).toBeGreaterThan(20);
  });
});

describe('a mix', () => {
  it('when a mix is drawn, then its kinds follow their weights, the same each time', () => {
    const mix = [reads('a', '/a', 80), reads('b', '/b', 15), reads('c', '/c', 5)];
    const draw = () => {
      const next = mixedRequests(mix, 'run');
      return Array.from({ length: 10_000 }, () => next().share);
    };
    const drawn = draw();
    const share = (name: string) => drawn.filter((each) => each === name).length / drawn.length;
    expect(share('a')).toBeCloseTo(0.8, 1);
    expect(share('b')).toBeCloseTo(0.15, 1);
    expect(share('c')).toBeCloseTo(0.05, 1);
    expect(draw()).toEqual(drawn);
  });

  it('when a request is written, then it is HTTP', () => {
    const request = { method: 'POST' as const, path: '/x', headers: { a: 'b' }, body: '{}', good: [200], waits: false };
    expect(requestText(request, 'h:1')).toBe('POST /x HTTP/1.1\r\nhost: h:1\r\na: b\r\ncontent-length: 2\r\n\r\n{}');
    const { body: _, ...bare } = { ...request, method: 'GET' as const };
    expect(requestText(bare, 'h:1')).toBe('GET /x HTTP/1.1\r\nhost: h:1\r\na: b\r\n\r\n');
  });
});
