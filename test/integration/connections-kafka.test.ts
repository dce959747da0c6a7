import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KafkaSecurity } from '@shop/chassis';
import { createAuthority } from '@shop/chassis/testing';
import { createKafkaAdmin } from '@shop/events';
import { type OwnServers, ownServers } from '../support/own-servers.ts';
import { KAFKA_USER, type SecuredKafka, startSecuredKafka, strangers } from '../support/secured-servers.ts';

const authority = createAuthority();
const { ca } = authority;
const ours = authority.issue();
let own: OwnServers;
let kafka: SecuredKafka;

beforeAll(async () => {
  own = ownServers();
  kafka = await startSecuredKafka(own, authority, authority.issue({ names: ['127.0.0.1'] }));
}, 180_000);

afterAll(() => own.stop());

/** The topics that whoever connects so may see. */
async function topics(broker: string, security: KafkaSecurity): Promise<string[]> {
  const admin = await createKafkaAdmin({ brokers: [broker], security });
  try {
    return await admin.topics();
  } finally {
    await admin.close();
  }
}

describe('a Kafka that demands TLS and a login', () => {
  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'when a user logs in by %s, then the topics are told',
    async (mechanism) => {
      const security = { tls: { ca }, sasl: { mechanism, ...KAFKA_USER } };
      expect(await topics(kafka.sasl, security)).toEqual(expect.any(Array));
    },
  );

  it('when a client shows a certificate, then the topics are told without a password', async () => {
    expect(await topics(kafka.mutual, { tls: { ca, ...ours } })).toEqual(expect.any(Array));
  });

  const login = { mechanism: 'scram-sha-512', ...KAFKA_USER } as const;
  it.each<[string, () => string, KafkaSecurity, RegExp]>([
    [
      'the password is wrong',
      () => kafka.sasl,
      { tls: { ca }, sasl: { ...login, password: 'x' } },
      /it does not accept this user or password: see KAFKA_SASL_USERNAME/,
    ],
    [
      'the password is wrong, by PLAIN,',
      () => kafka.sasl,
      { tls: { ca }, sasl: { ...login, mechanism: 'plain', password: 'x' } },
      /it does not accept this user or password: see KAFKA_SASL_USERNAME/,
    ],
    [
      'its authority is not known',
      () => kafka.sasl,
      { tls: { ca: strangers.ca }, sasl: login },
      /its certificate is of an authority that is not known here: see KAFKA_TLS_CA/,
    ],
    ['no certificate is shown to it', () => kafka.mutual, { tls: { ca } }, /see KAFKA_TLS_CERT/],
    [
      'the certificate of a stranger is shown to it',
      () => kafka.mutual,
      { tls: { ca, ...strangers.issue() } },
      /see KAFKA_TLS_CERT/,
    ],
  ])('when %s, then a sentence names the server and what is wrong', async (_what, broker, security, words) => {
    await expect(topics(broker(), security)).rejects.toThrow(new RegExp(`Kafka at ${broker()}: .*${words.source}`));
  });

  it('when its certificate is of another name, then nothing is sent to it, and a sentence says why', async () => {
    const address = kafka.sasl.replace('127.0.0.1', 'localhost');
    await expect(topics(address, { tls: { ca }, sasl: login })).rejects.toThrow(
      `Kafka at ${address}: its certificate is for another name`,
    );
  });
});
