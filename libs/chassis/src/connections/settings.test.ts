import { getCACertificates } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { createAuthority } from '../testing/certificates.ts';
import { connectionFaults, databaseSecurity, databaseTarget, kafkaSecurity, redisServer } from './settings.ts';

const authority = createAuthority();
const { ca } = authority;
const { cert, key } = authority.issue();

describe('a database', () => {
  it.each([
    ['127.0.0.1', undefined, true],
    ['localhost', undefined, true],
    ['[::1]', undefined, true],
    ['db', undefined, false],
    ['10.0.0.1', undefined, false],
    ['db', false, true],
    ['db', true, false],
    ['127.0.0.1', true, false],
  ])('when it is %s, with DATABASE_TLS %s, then its key for passwords is asked for: %s', (host, tls, asked) => {
    const security = databaseSecurity({ DATABASE_TLS: tls });
    expect(databaseTarget(`mysql://u:p@${host}:3306/s`, security).allowPublicKeyRetrieval).toBe(asked);
  });

  it('when an authority is given, then connections are by TLS, and the certificate must be of the name in the URL', () => {
    const { ssl } = databaseTarget('mysql://u:p@db:3306/s', databaseSecurity({ DATABASE_TLS_CA: ca }));
    expect(ssl).toMatchObject({ ca, rejectUnauthorized: true, servername: 'db' });
  });

  it('when no authority is given, then those of Node are named, since the driver would else take any certificate', () => {
    const { ssl } = databaseTarget('mysql://u:p@db:3306/s', databaseSecurity({ DATABASE_TLS: true }));
    expect(ssl).toMatchObject({ ca: getCACertificates('default'), rejectUnauthorized: true });
  });

  it('when user and password hold what a URL must escape, then they come out whole', () => {
    expect(databaseTarget('mysql://u%40x:p%2F%3A@db/s')).toMatchObject({ user: 'u@x', password: 'p/:', port: 3306 });
  });
});

it('when Kafka has a mechanism, a user and a certificate, then the client gets them', () => {
  const config = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' } as const;
  expect(kafkaSecurity({ ...config, KAFKA_TLS: true })).toEqual({
    tls: {},
    sasl: { mechanism: 'plain', username: 'u', password: 'p' },
  });
  expect(kafkaSecurity({})).toEqual({ tls: undefined, sasl: undefined });
});

it('when Redis has Sentinels, then the master is asked for by its name', () => {
  const { sentinel } = redisServer({ REDIS_URL: 'redis://x', REDIS_SENTINELS: ['a:1'], REDIS_SENTINEL_MASTER: 'm' });
  expect(sentinel).toMatchObject({ addresses: ['a:1'], master: 'm' });
});

describe('settings that cannot be meant', () => {
  const other = createAuthority().issue();
  it.each<[Parameters<typeof connectionFaults>[0], RegExp]>([
    [{ DATABASE_TLS_CA: 'x' }, /^DATABASE_TLS_CA holds no certificate in PEM/],
    [{ KAFKA_TLS_CERT: cert }, /^KAFKA_TLS_KEY is missing/],
    [{ KAFKA_TLS_KEY: key }, /^KAFKA_TLS_CERT is missing/],
    [{ KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: other.key }, /^KAFKA_TLS_KEY is not the key of KAFKA_TLS_CERT/],
    [{ DATABASE_TLS: false, DATABASE_TLS_CA: ca }, /^DATABASE_TLS is off, and a certificate is given/],
    [{ REDIS_URL: 'redis://r', REDIS_TLS_CA: ca }, /^REDIS_URL must begin with rediss:/],
    [{ SCHEMA_REGISTRY_URL: 'http://r', SCHEMA_REGISTRY_TLS_CA: ca }, /^SCHEMA_REGISTRY_URL must begin with https:/],
    [{ REDIS_SENTINELS: ['a:1'] }, /^REDIS_SENTINEL_MASTER is missing/],
    [{ REDIS_SENTINEL_MASTER: 'm' }, /^REDIS_SENTINELS is missing/],
    [{ SCHEMA_REGISTRY_USERNAME: 'u' }, /^SCHEMA_REGISTRY_PASSWORD is missing/],
    [{ KAFKA_SASL_MECHANISM: 'plain' }, /^KAFKA_SASL_USERNAME is missing/],
    [{ KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, /^KAFKA_SASL_MECHANISM is missing/],
    [{ DATABASE_URL: 'mysql://u:p@db:3306/s' }, /^DATABASE_TLS is missing: the password of MySQL goes to db,/],
    [
      {
        ...{ KAFKA_BROKERS: ['127.0.0.1:1', 'kafka:9092'], KAFKA_SASL_MECHANISM: 'plain' as const },
        ...{ KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' },
      },
      /^KAFKA_TLS is missing: the password of Kafka goes to kafka,/,
    ],
  ])('when they are case %#, then the fault names the variable', (config, fault) => {
    expect(connectionFaults(config)).toEqual([expect.stringMatching(fault)]);
  });

  it('when they fit each other, then there is no fault', () => {
    expect(connectionFaults({ DATABASE_TLS_CA: ca, KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key })).toEqual([]);
    const far = 'mysql://u:p@db:3306/s';
    for (const config of [
      { DATABASE_URL: far, DATABASE_TLS: false },
      { DATABASE_URL: far, DATABASE_TLS_CA: ca },
      { DATABASE_URL: 'mysql://u@db:3306/s' },
      { DATABASE_URL: 'mysql://u:p@127.0.0.1:3306/s' },
    ])
      expect(connectionFaults(config)).toEqual([]);
  });
});
