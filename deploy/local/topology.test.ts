import { describe, expect, it } from '@jest/globals';
import { METRICS_PORT_ABOVE } from '../../services/services.ts';
import {
  brokers,
  portsOf,
  servers,
  serversOnDemand,
  servicePort,
  serviceRow,
  services,
  startSteps,
} from './topology.ts';

const named = (name: string, ...after: string[]) => ({ name, after });

describe('order of start', () => {
  it('when rows wait for the same, then they start together', () => {
    const steps = startSteps([
      named('gateway', 'order', 'catalog'),
      named('order', 'mysql'),
      named('catalog', 'mysql'),
      named('mysql'),
    ]);
    expect(steps.map((step) => step.map((row) => row.name))).toEqual([['mysql'], ['order', 'catalog'], ['gateway']]);
  });

  it('when a row waits for one that is not listed, then that one is ignored', () => {
    expect(startSteps([named('order', 'mysql')])).toEqual([[named('order', 'mysql')]]);
  });

  it('when rows wait for each other in a circle, then the error names them', () => {
    expect(() => startSteps([named('a', 'b'), named('b', 'a'), named('c')])).toThrow('a, b');
  });

  it('when everything starts, then servers and data platform come first, then the services, and the gateway last', () => {
    const steps = startSteps([...servers, ...services]).map((step) => step.map((row) => row.name));
    expect(steps).toEqual([
      ['mysql', 'kafka', 'registry', 'redis', 'data-platform'],
      ['order', 'catalog', 'payment', 'coupon', 'ranking', 'ops-console'],
      ['gateway'],
    ]);
  });
});

describe('ports', () => {
  it('when dev and test run three instances each, then all ports differ', () => {
    const ports = [0, 1000].flatMap((offset) => [
      ...[...servers, ...brokers.slice(1), ...serversOnDemand].flatMap((row) => portsOf(row, row.port + offset)),
      ...services.flatMap((row) =>
        [1, 2, 3].flatMap((instance) => {
          const port = servicePort(row, instance, offset);
          return [port, port + METRICS_PORT_ABOVE];
        }),
      ),
    ]);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('when the instance grows, then the port goes up by ten; when the stack has an offset, then by the offset', () => {
    expect(servicePort(serviceRow('order'), 1, 0)).toBe(3001);
    expect(servicePort(serviceRow('order'), 2, 1000)).toBe(4011);
  });
});
