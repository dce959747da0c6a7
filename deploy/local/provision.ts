import { migratorOf } from '../../services/services.ts';
import { type AdminAddress, adminConnection } from './parts/mysql.ts';
import { StackError } from './stack-error.ts';
import { allServices, auditUser } from './topology.ts';

/** What a service does with the rows of its schema. Its tables are changed by another user. */
const SERVICE_RIGHTS = 'SELECT, INSERT, UPDATE, DELETE';

/**
 * Creates one schema a service, with a user who reads and writes its rows and one who changes its tables, and a user
 * who may read all. Repeating it changes nothing. A user's password is its name: these servers listen on 127.0.0.1
 * only.
 */
export async function provision(address: AdminAddress): Promise<void> {
  const connection = await adminConnection(address);
  try {
    for (const schema of allServices.flatMap((service) => service.schema ?? [])) {
      await connection.query(`CREATE DATABASE IF NOT EXISTS ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
      await createUser(schema);
      await createUser(migratorOf(schema));
      const on = `ON \`${pattern(schema)}\`.*`;
      // A user of an older stack has more rights; without any right there would be nothing to revoke.
      await connection.query(`GRANT ALL ${on} TO '${schema}'@'%'`);
      await connection.query(`REVOKE ALL ${on} FROM '${schema}'@'%'`);
      await connection.query(`GRANT ${SERVICE_RIGHTS} ${on} TO '${schema}'@'%'`);
      await connection.query(`GRANT ALL ${on} TO '${migratorOf(schema)}'@'%'`);
    }
    await createUser(auditUser);
    await connection.query(`GRANT SELECT ON \`${pattern('shop_')}%\`.* TO '${auditUser}'@'%'`);
  } finally {
    await connection.end();
  }

  async function createUser(name: string): Promise<void> {
    await connection.query(`CREATE USER IF NOT EXISTS '${name}'@'%' IDENTIFIED BY '${name}'`);
  }
}

/** Sets the strictest rule for new subjects; the registry's default is none. */
export async function requireCompatibility(registryUrl: string): Promise<void> {
  const answer = await fetch(`${registryUrl}/config`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/vnd.schemaregistry.v1+json' },
    body: '{"compatibility":"FULL_TRANSITIVE"}',
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new StackError(`The registry ${registryUrl} refused FULL_TRANSITIVE with ${answer.status}.`);
}

/** In a grant an unescaped underscore stands for any character. */
function pattern(schema: string): string {
  return schema.replaceAll('_', '\\_');
}
