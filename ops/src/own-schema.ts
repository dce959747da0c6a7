import { databaseVariable, type ServiceName, schemaOf } from '../../services/services.ts';
import type { Addresses } from './addresses.ts';
import { connectSql, placeOf, type SqlConnection, type SqlReader } from './sql.ts';

/**
 * Connects as a service's own user, who changes what a command has read by `read`. The two have a URL each, so one may
 * lead to another stack: a row would be changed by its number there.
 * @throws in words, before anything is changed, when the service's URL leads to another server or schema
 */
export async function connectOwn(
  read: SqlReader,
  { services }: Pick<Addresses, 'services'>,
  service: ServiceName,
): Promise<SqlConnection> {
  const url = services[service].database;
  const variable = databaseVariable(service);
  const schema = new URL(url).pathname.slice(1);
  if (schema !== schemaOf(service))
    throw new Error(`${variable} leads to the schema ${schema}, not ${schemaOf(service)}: nothing was changed there`);
  const own = await connectSql(url);
  try {
    await expectOnePlace(read, own, variable);
    return own;
  } catch (error) {
    await own.close();
    throw error;
  }
}

/** @throws in words when what is changed is on another server than what was read */
export async function expectOnePlace(read: SqlReader, own: SqlReader, variable: string): Promise<void> {
  const [there, here] = [await placeOf(read), await placeOf(own)];
  if (there !== here)
    throw new Error(
      `AUDIT_DATABASE_URL and ${variable} lead to two servers (${there}; ${here}): nothing was changed there`,
    );
}
