import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mariadb';
import { mysqlAddress } from '../addresses.ts';
import { adminConnection } from '../parts/mysql.ts';
import { openStack, type Stack } from '../stack.ts';
import type { ServerName } from '../topology.ts';

/** The stack started by the test run. Its servers are killed here, so no other stack is used. */
function testStack(): Stack {
  const name = process.env.SHOP_STACK ?? '';
  if (!/(^|-)test$/.test(name)) throw new Error('These tests kill servers: run them with `npm test`.');
  return openStack(name);
}

describe('the local stack', () => {
  let stack: Stack;

  beforeAll(() => {
    stack = testStack();
  });

  afterAll(async () => {
    for (const name of ['mysql', 'kafka', 'registry', 'redis'] as const) await stack.part(name).start();
  });

  it.each<ServerName>(['kafka', 'registry', 'redis', 'mysql'])(
    'when %s is killed and started, then it is ready again on its port',
    async (name) => {
      const part = stack.part(name);
      await part.kill9();
      expect(part.running()).toBe(false);
      await part.start();
      expect(part.running()).toBe(true);
    },
  );

  it('when MySQL is killed after a commit, then the committed rows are there', async () => {
    const write = await adminConnection(mysqlAddress(stack.layout));
    await write.query('CREATE DATABASE IF NOT EXISTS scratch_stack');
    await write.query('CREATE TABLE scratch_stack.kept (id INT PRIMARY KEY) ENGINE=InnoDB');
    await write.query('INSERT INTO scratch_stack.kept VALUES (1)');
    await write.end();
    await stack.part('mysql').kill9();
    await stack.part('mysql').start();
    const read = await adminConnection(mysqlAddress(stack.layout));
    expect(await read.query('SELECT id FROM scratch_stack.kept')).toEqual([{ id: 1 }]);
    await read.query('DROP DATABASE scratch_stack');
    await read.end();
  });

  it('when MySQL was killed and its pid was given to another process, then it starts all the same', async () => {
    const part = stack.part('mysql');
    await part.kill9();
    const [lock = ''] = globSync('*/server.sock.lock', { cwd: join(stack.dir, 'mysql') });
    writeFileSync(join(stack.dir, 'mysql', lock), '1\n');
    await part.start();
    expect(part.running()).toBe(true);
  });

  it('when a schema was registered and the registry is killed, then the schema is there', async () => {
    const url = `${stack.env.SCHEMA_REGISTRY_URL}/subjects/scratch-stack/versions`;
    const body = JSON.stringify({ schema: '{"type":"string"}' });
    const headers = { 'Content-Type': 'application/vnd.schemaregistry.v1+json' };
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(200);
    await stack.part('registry').kill9();
    await stack.part('registry').start();
    expect(await (await fetch(url)).json()).toEqual([1]);
    await fetch(`${stack.env.SCHEMA_REGISTRY_URL}/subjects/scratch-stack`, { method: 'DELETE' });
  });

  describe('users', () => {
    const address = () => ({ host: mysqlAddress(stack.layout).host, port: mysqlAddress(stack.layout).port });
    const asked = async (user: string, schema: string, sql: string): Promise<string> => {
      const connection = await createConnection({
        ...address(),
        user,
        password: user,
        ...(schema && { database: schema }),
        allowPublicKeyRetrieval: true,
      });
      try {
        await connection.query(sql);
        return 'done';
      } catch (error) {
        return (error as { code?: string }).code ?? String(error);
      } finally {
        await connection.end();
      }
    };

    it('when a user is a service’s, then it may change the rows of its own schema, and not its tables', async () => {
      const migrator = 'shop_order_migration';
      await asked(migrator, 'shop_order', 'DROP TABLE IF EXISTS scratch_rights');
      expect(await asked(migrator, 'shop_order', 'CREATE TABLE scratch_rights (id INT PRIMARY KEY)')).toBe('done');
      const rows = [
        'INSERT INTO scratch_rights VALUES (1)',
        'UPDATE scratch_rights SET id = 2',
        'SELECT * FROM scratch_rights',
        'DELETE FROM scratch_rights',
      ];
      for (const statement of rows) expect(await asked('shop_order', 'shop_order', statement)).toBe('done');
      const tables = [
        'CREATE TABLE scratch_more (id INT PRIMARY KEY)',
        'ALTER TABLE scratch_rights ADD COLUMN name INT',
        'CREATE INDEX by_id ON scratch_rights (id)',
        'TRUNCATE TABLE scratch_rights',
        'DROP TABLE scratch_rights',
      ];
      for (const statement of tables)
        expect(await asked('shop_order', 'shop_order', statement)).toBe('ER_TABLEACCESS_DENIED_ERROR');
      expect(await asked('shop_order', 'shop_order', "SELECT GET_LOCK('scratch', 0)")).toBe('done');
    });

    it('when a user is a service’s, then it may not even read another’s schema', async () => {
      expect(await asked('shop_payment', 'shop_payment', 'SELECT * FROM shop_order.scratch_rights')).toBe(
        'ER_TABLEACCESS_DENIED_ERROR',
      );
    });

    it('when a user is the audit’s, then it may read every schema and change none', async () => {
      expect(await asked('shop_audit', '', 'SELECT * FROM shop_order.scratch_rights')).toBe('done');
      expect(await asked('shop_audit', '', 'DELETE FROM shop_order.scratch_rights')).toBe(
        'ER_TABLEACCESS_DENIED_ERROR',
      );
      await asked('shop_order_migration', 'shop_order', 'DROP TABLE scratch_rights');
    });
  });
});
