import { afterEach, describe, expect, it } from '@jest/globals';
import { createMetrics, METRICS_PORT_ABOVE } from '../process/index.ts';
import { serveMetrics } from './metrics-server.ts';
import type { RunningServer } from './server.ts';

const open: RunningServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close(0);
});

async function served(address: Parameters<typeof serveMetrics>[1]) {
  const metrics = createMetrics({ service: 'order', defaults: false });
  const server = await serveMetrics(metrics, address);
  open.push(server);
  return { metrics, server };
}

describe('metrics of a process', () => {
  it('when they are asked for, then they are served on the loopback address, as Prometheus reads them', async () => {
    const { metrics, server } = await served({ PORT: 0 });
    metrics.counter('orders_total', 'Orders').inc(3);
    const answer = await fetch(`${server.url}/metrics`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, metrics.registry.contentType]);
    expect(await answer.text()).toContain('orders_total{service="order"} 3');
    expect(server.url).toContain('127.0.0.1');
  });

  it('when anything else is asked for, then it is not there', async () => {
    const { server } = await served({ PORT: 0 });
    const statuses = await Promise.all(
      [fetch(`${server.url}/`), fetch(`${server.url}/metrics`, { method: 'POST' })].map(
        async (it) => (await it).status,
      ),
    );
    expect(statuses).toEqual([404, 404]);
  });

  it('when two read at once, then the measures are collected once', async () => {
    const { metrics, server } = await served({ PORT: 0 });
    let collected = 0;
    const slow = Promise.withResolvers<void>();
    metrics.gauge('slow', 'Slow', [], async (gauge) => {
      collected += 1;
      await slow.promise;
      gauge.set(7);
    });
    let came = 0;
    server.server.on('request', () => {
      came += 1;
      if (came === 2) slow.resolve();
    });
    const both = [fetch(`${server.url}/metrics`), fetch(`${server.url}/metrics`)];
    const texts = await Promise.all(both.map(async (answer) => (await answer).text()));
    expect(texts.every((text) => text.includes('slow{service="order"} 7'))).toBe(true);
    expect(collected).toBe(1);
  });

  it('when collecting fails, then the answer is 500 and says why', async () => {
    const { metrics, server } = await served({ PORT: 0 });
    metrics.gauge('broken', 'Broken', [], () => Promise.reject(new Error('no')));
    const answer = await fetch(`${server.url}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, 'Error: no']);
  });

  it("when the port is taken, then the error names the variable; without one it is the service's port and 100", async () => {
    const { server } = await served({ PORT: 0 });
    const taken = serveMetrics(createMetrics({ defaults: false }), { PORT: server.port - METRICS_PORT_ABOVE });
    await expect(taken).rejects.toThrow(
      `port ${server.port} on 127.0.0.1 is in use: stop what listens there, or set METRICS_PORT`,
    );
  });
});
