import { describe, expect, it } from '@jest/globals';
import { withGiven } from './tool.ts';

const stack = {
  AUDIT_DATABASE_URL: 'mysql://local/',
  REDIS_URL: 'redis://local',
  KAFKA_BROKERS: 'local:1',
  KAFKA_DURABILITY: 'single',
};

describe('the addresses of a tool', () => {
  it('when the environment names a server, itself or by a file, then the stack gives none for it', () => {
    const env = { AUDIT_DATABASE_URL: 'mysql://db.prod/', REDIS_URL_FILE: '/run/secrets/redis-url', KAFKA_BROKERS: '' };
    expect(withGiven(stack, env)).toEqual({
      AUDIT_DATABASE_URL: 'mysql://db.prod/',
      REDIS_URL_FILE: '/run/secrets/redis-url',
      KAFKA_BROKERS: 'local:1',
      KAFKA_DURABILITY: 'single',
    });
  });

  it("when the environment names other brokers, then the stack's settings of topics are not theirs", () => {
    const left = withGiven(stack, { KAFKA_BROKERS_FILE: '/run/secrets/brokers' });
    expect(left).not.toHaveProperty('KAFKA_BROKERS');
    expect(left).not.toHaveProperty('KAFKA_DURABILITY');
  });

  it("when the environment names a service's database, then the stack gives no user who changes the tables of its own", () => {
    const migration = { ORDER_MIGRATION_DATABASE_URL: 'mysql://local/', BACKUP_DATABASE_URL: 'mysql://local/' };
    const env = { ORDER_DATABASE_URL: 'mysql://db.prod/', AUDIT_DATABASE_URL_FILE: '/run/secrets/audit' };
    expect(withGiven({ ...stack, ...migration }, env)).toMatchObject({ ORDER_DATABASE_URL: 'mysql://db.prod/' });
    expect(withGiven(migration, env)).toEqual(env);
    expect(withGiven(migration, {})).toEqual(migration);
  });
});
