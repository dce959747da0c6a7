import { type AdminAddress, adminConnection } from './parts/mysql.ts';
import { StackError } from './stack-error.ts';
import { allServices, auditUser } from './topology.ts';

/**
 * Creates one schema and one user a service, with rights on that schema alone, and a user who may read all. Repeating
 * it changes nothing. A user's password is its name: these servers listen on 127.0.0.1 only.
 */
export async function provision(address: AdminAddress): Promise<void> {
  const connection = await adminConnection(address);
  try {
    for (const schema of allServices.flatMap((service) => service.schema ?? [])) {
      await connection.query(`CREATE DATABASE IF NOT EXISTS ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
      await createUser(schema);
      await connection.query(`GRANT ALL ON \`${pattern(schema)}\`.* TO '${schema}'@'%'`);
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
