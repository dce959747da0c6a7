import { describe, expect, it } from '@jest/globals';
import { existingServers, ownServers, type StackLayout, serviceEnv, stackEnv } from './addresses.ts';
import { serviceRow } from './topology.ts';

const layout: StackLayout = { name: 'test', portOffset: 1000, instances: 1, existing: {} };

describe('addresses', () => {
  it('when an instance of a service starts, then its environment has its own schema and no other’s', () => {
    const env = serviceEnv(layout, serviceRow('payment'), 2);
    expect(env).toMatchObject({
      PORT: '4013',
      INSTANCE_ID: 'payment-2',
      DATABASE_URL: 'mysql://shop_payment:shop_payment@127.0.0.1:14306/shop_payment',
      KAFKA_BROKERS: '127.0.0.1:20092',
    });
    expect(Object.values(env).join()).not.toContain('shop_order');
  });

  it('when services have several instances, then the gateway is told of each', () => {
    const env = serviceEnv({ ...layout, instances: 2 }, serviceRow('gateway'), 1);
    expect(env.ORDER_URLS).toBe('http://127.0.0.1:4001,http://127.0.0.1:4011');
    expect(env.DATABASE_URL).toBeUndefined();
  });

  it('when the console starts, then it may read every schema, as a user who may change none', () => {
    const env = serviceEnv(layout, serviceRow('ops-console'), 1);
    expect(env).toMatchObject({
      AUDIT_DATABASE_URL: 'mysql://shop_audit:shop_audit@127.0.0.1:14306/',
      GATEWAY_URLS: 'http://127.0.0.1:4000',
      DATA_PLATFORM_URL: 'http://127.0.0.1:4006/events',
    });
    expect(env).not.toHaveProperty('DATABASE_URL');
  });

  it('when requests are traced, then services are told of the collector, and tools where a trace is shown', () => {
    const traced = { ...layout, traces: true };
    expect(serviceEnv(traced, serviceRow('order'), 1)).toMatchObject({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:17687',
      OTEL_TRACES_SAMPLER: 'always_on',
    });
    expect(stackEnv(traced).TRACE_UI_URL).toBe('http://127.0.0.1:17686/trace/{traceId}');
    expect(serviceEnv(layout, serviceRow('order'), 1)).not.toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT');
  });

  it('when the environment names servers, then these are used and only the others are started', () => {
    const existing = existingServers({
      MYSQL_HOST: 'db',
      MYSQL_ROOT_PASSWORD: 'p w',
      KAFKA_BROKERS: 'k1:9092,k2:9092',
      KAFKA_PARTITIONS: '12',
    });
    const mixed = { ...layout, existing };
    expect(ownServers(mixed, undefined)).toEqual(['registry', 'redis']);
    expect(stackEnv(mixed)).toMatchObject({
      MYSQL_ROOT_URL: 'mysql://root:p%20w@db:3306',
      ORDER_DATABASE_URL: 'mysql://shop_order:shop_order@db:3306/shop_order',
      KAFKA_BROKERS: 'k1:9092,k2:9092',
      REDIS_URL: 'redis://127.0.0.1:17379',
      // `npm run ops` in another terminal must not take 24 for it.
      KAFKA_PARTITIONS: '12',
    });
  });

  it('when only some servers are asked for, then only these are started', () => {
    expect(ownServers(layout, ['mysql', 'redis'])).toEqual(['mysql', 'redis']);
  });
});
