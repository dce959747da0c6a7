import { expect, it } from '@jest/globals';
import { connectionFault } from './fault.ts';

const coded = (code: string, message = code) => Object.assign(new Error(message), { code });

it.each<[Parameters<typeof connectionFault>[0], unknown, string]>([
  [
    'KAFKA',
    coded('SELF_SIGNED_CERT_IN_CHAIN', 'Connection error: self-signed certificate in certificate chain'),
    'Kafka at host:1: its certificate is of an authority that is not known here: see KAFKA_TLS_CA',
  ],
  [
    'KAFKA',
    'SASL SCRAM SHA512 authentication failed: bad',
    'Kafka at host:1: it does not accept this user or password',
  ],
  ['REDIS', new Error('WRONGPASS invalid username-password pair'), 'Redis at host:1: it does not accept this user'],
  ['REDIS', new Error('NOAUTH Authentication required.'), 'Redis at host:1: it does not accept this user'],
  ['REDIS', coded('ERR_SSL_WRONG_VERSION_NUMBER'), 'Redis at host:1: it speaks no TLS: see REDIS_URL'],
  ['DATABASE', coded('ER_ACCESS_DENIED_ERROR'), 'MySQL at host:1: it does not accept this user or password'],
  [
    'DATABASE',
    new Error('Connections using insecure transport are prohibited while --require_secure_transport=ON.'),
    'MySQL at host:1: it demands TLS: see DATABASE_TLS',
  ],
  [
    'DATABASE',
    new Error('RSA public key is not available client side.'),
    'MySQL at host:1: the password would go to another machine without TLS: see DATABASE_TLS',
  ],
  [
    'SCHEMA_REGISTRY',
    Object.assign(new Error('no'), { status: 401 }),
    'the schema registry at host:1: it does not accept',
  ],
  [
    'SCHEMA_REGISTRY',
    new TypeError('fetch failed', { cause: coded('CERT_HAS_EXPIRED') }),
    'the schema registry at host:1: its certificate has expired',
  ],
])('when a client of %s says %p, then an operator is told in words: %s', (kind, error, words) => {
  expect(connectionFault(kind, 'host:1', error)).toContain(words);
});

it.each([
  coded('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:4011'),
  new Error('schema 401: it answers 500'),
  new Error('Command timed out'),
  undefined,
])('when a server is away or slow (%p), then nothing is said of who believes whom', (error) => {
  expect(connectionFault('SCHEMA_REGISTRY', 'host:1', error)).toBeUndefined();
});
