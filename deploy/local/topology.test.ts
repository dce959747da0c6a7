import { describe, expect, it } from '@jest/globals';
import { servers, serversOnDemand, servicePort, serviceRow, services, startSteps } from './topology.ts';

const named = (name: string, ...after: string[]) => ({ name, after });

describe('order of start', () => {
  it('starts together what waits for the same', () => {
    const steps = startSteps([
      named('gateway', 'order', 'catalog'),
      named('order', 'mysql'),
      named('catalog', 'mysql'),
      named('mysql'),
    ]);
    expect(steps.map((step) => step.map((row) => row.name))).toEqual([['mysql'], ['order', 'catalog'], ['gateway']]);
  });

  it('does not wait for what is not among the rows', () => {
    expect(startSteps([named('order', 'mysql')])).toEqual([[named('order', 'mysql')]]);
  });

  it('names the rows of a circle', () => {
    expect(() => startSteps([named('a', 'b'), named('b', 'a'), named('c')])).toThrow('a, b');
  });

  it('starts every server, and the data platform, before any service, and the gateway last', () => {
    const steps = startSteps([...servers, ...services]).map((step) => step.map((row) => row.name));
    expect(steps).toEqual([
      ['mysql', 'kafka', 'registry', 'redis', 'data-platform'],
      ['order', 'catalog', 'payment', 'coupon', 'ranking', 'ops-console'],
      ['gateway'],
    ]);
  });
});

describe('ports', () => {
  it('are different for everything of three instances, for the stacks dev and test together', () => {
    const ports = [0, 1000].flatMap((offset) => [
      ...servers.map((row) => row.port + offset),
      ...serversOnDemand.map((row) => row.port + offset),
      ...[...servers, ...serversOnDemand]
        .filter(({ name }) => name === 'kafka' || name === 'influxdb')
        .map((row) => row.port + 1 + offset),
      ...services.flatMap((row) => [1, 2, 3].map((instance) => servicePort(row, instance, offset))),
    ]);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it('go up by ten with the instance and by the offset with the stack', () => {
    expect(servicePort(serviceRow('order'), 1, 0)).toBe(3001);
    expect(servicePort(serviceRow('order'), 2, 1000)).toBe(4011);
  });
});
