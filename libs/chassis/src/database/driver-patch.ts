/**
 * A narrow correction of the driver (mariadb 3.5.4). `destroy()` kills the statement at the server over a second
 * connection. When that one is lost before its KILL is answered, the driver leaves a rejected promise that nobody
 * handles, and Node.js ends the process. Only this file reaches into the driver; the test of a hanging database fails
 * without it.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

interface Command {
  readonly sql?: string;
}
type Settle = (outcome: unknown) => void;
interface DriverConnection {
  query(command: Command, resolve: Settle, reject: Settle): unknown;
}

const require = createRequire(import.meta.url);
// The package exports no connection class. Its entry for `require` lies in dist/, beside lib/.
const { default: Connection } = require(join(dirname(require.resolve('mariadb')), '../lib/connection.js')) as {
  readonly default: { readonly prototype: DriverConnection };
};
const { query } = Connection.prototype;

Connection.prototype.query = function killQuietly(this: DriverConnection, command, resolve, reject) {
  // The driver closes both connections after its KILL, whatever the outcome.
  const isKill = command.sql?.startsWith('KILL ') ?? false;
  return query.call(this, command, resolve, isKill ? resolve : reject);
};
