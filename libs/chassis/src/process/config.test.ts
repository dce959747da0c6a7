import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { kafkaTopicConfig, loadConfig, redactConfig, serviceConfig, switchVariable } from './config.ts';
import { ConfigError } from './variables.ts';

const env = {
  PORT: '3001',
  DATABASE_URL: 'mysql://shop_order:s3cret@127.0.0.1:13306/shop_order',
  KAFKA_BROKERS: 'a:9092, b:9092',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:18081/apis/ccompat/v7',
  REDIS_URL: 'redis://127.0.0.1:16379',
  INTERNAL_KEYS: `a:${'s'.repeat(32)}`,
};

describe('configuration', () => {
  it('when every variable is right, then the configuration is typed, complete and frozen', () => {
    const config = loadConfig(z.object(serviceConfig), env);
    expect(config).toMatchObject({
      PORT: 3001,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      DATABASE_POOL: 10,
      KAFKA_BROKERS: ['a:9092', 'b:9092'],
    });
    expect(config.INSTANCE_ID).toMatch(/-\d+$/);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('when several variables are wrong, then the error names each with its use', () => {
    const load = () =>
      loadConfig(z.object(serviceConfig), { ...env, PORT: 'x', DATABASE_URL: 'http://a/b', REDIS_URL: '' });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/PORT is wrong .*: port to listen on/);
    expect(load).toThrow(/DATABASE_URL is wrong .*mysql:\/\/user/);
    expect(load).toThrow(/REDIS_URL is missing: redis:\/\/host:port/);
  });

  it('when a variable with a default is empty, then the default is used', () => {
    expect(loadConfig(z.object({ A: z.string().default('d') }), { A: '' })).toEqual({ A: 'd' });
  });

  it('when no port is left for the measures, then the start fails and names METRICS_PORT', () => {
    const schema = z.object(serviceConfig).pick({ PORT: true, METRICS_PORT: true });
    expect(() => loadConfig(schema, { PORT: '65500' })).toThrow('METRICS_PORT is missing: 65600');
    expect(loadConfig(schema, { PORT: '65500', METRICS_PORT: '9464' })).toMatchObject({ METRICS_PORT: 9464 });
    expect(loadConfig(schema, { PORT: '65435' })).toEqual({ PORT: 65_435 });
  });

  it('when every copy must have an event, then it is a fault of the configuration, unless one copy is enough', () => {
    const schema = z.object(kafkaTopicConfig);
    const variables = { KAFKA_REPLICATION_FACTOR: '3', KAFKA_MIN_INSYNC_REPLICAS: '3' };
    const load = () => loadConfig(schema, variables);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/KAFKA_MIN_INSYNC_REPLICAS is 3, and must be less than KAFKA_REPLICATION_FACTOR/);
    expect(loadConfig(schema, { ...variables, KAFKA_DURABILITY: 'single' })).toMatchObject({ KAFKA_PARTITIONS: 24 });
  });

  it('when a switch is given, then the value is a boolean', () => {
    expect(loadConfig(z.object({ A: switchVariable, B: switchVariable }), { A: 'on', B: 'false' })).toEqual({
      A: true,
      B: false,
    });
  });

  it('when the configuration is printed, then passwords are hidden', () => {
    expect(redactConfig({ ...env, API_TOKEN: 'abc', N: 1 })).toMatchObject({
      DATABASE_URL: 'mysql://shop_order:[redacted]@127.0.0.1:13306/shop_order',
      API_TOKEN: '[redacted]',
      INTERNAL_KEYS: '[redacted]',
      N: 1,
    });
  });

  it.each([
    ['mysql://u:p@ss@host:3306/x', 'mysql://u:[redacted]@host:3306/x'],
    ['rediss://:p@host', 'rediss://:[redacted]@host'],
    ['redis://:a/b@h', '[redacted]'],
    ['http://registry:8080/apis', 'http://registry:8080/apis'],
  ])('when the configuration holds %s, then it is printed as %s', (url, shown) => {
    expect(redactConfig({ A: url })).toEqual({ A: shown });
  });

  it('when Node is told to accept any certificate, then production does not start', () => {
    const load = (more: object) => loadConfig(z.object({}), { NODE_TLS_REJECT_UNAUTHORIZED: '0', ...more });
    expect(() => load({ NODE_ENV: 'production' })).toThrow('NODE_TLS_REJECT_UNAUTHORIZED is 0');
    expect(load({})).toEqual({});
  });
});
