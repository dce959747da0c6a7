import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cp, rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mariadb';
import { distributionIsDebian, osRelease, unpackedCommand, unpackPackages } from '../fetch/apt.ts';
import { ensureTool } from '../fetch.ts';
import { refuseWhenEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';
import type { Server, Site } from './server.ts';

/** A MySQL or MariaDB server program. */
interface Program {
  kind: 'mysql' | 'mariadb';
  /** The command, preceded by the loader of an unpacked folder. */
  command: string[];
  /** Options with an unpacked server's messages, character sets and plugins. */
  options: string[];
  /** The folder with its `share` files. */
  base: string;
  version: string;
}

let chosen: Promise<Program> | undefined;

/**
 * MySQL: the installed one, or Debian's. Where neither is available, MariaDB: the services' SQL works on both.
 * `SHOP_DATABASE=mariadb` asks for MariaDB.
 */
function databaseProgram(): Promise<Program> {
  chosen ??= choose();
  return chosen;
}

async function choose(): Promise<Program> {
  const wantsMariaDb = process.env.SHOP_DATABASE === 'mariadb';
  const own = installed(wantsMariaDb ? 'mariadbd' : 'mysqld');
  if (own && (wantsMariaDb || !(await run(own, ['--version'])).includes('MariaDB'))) {
    return describe(wantsMariaDb ? 'mariadb' : 'mysql', [own], [], join(dirname(own), '..'));
  }
  if (!wantsMariaDb && distributionIsDebian()) {
    try {
      const folder = await ensureTool('mysql', (into) =>
        unpackPackages(['mysql-server-core', 'mysql-client-core'], 'unstable', into),
      );
      return await unpacked('mysql', folder, 'usr/sbin/mysqld');
    } catch (error) {
      refuseWhenEnding();
      progress(
        'mysql',
        `MySQL cannot be had here, MariaDB takes its place (${error instanceof Error ? error.message : error})`,
      );
    }
  } else if (!wantsMariaDb)
    progress('mysql', 'MySQL is neither installed nor packaged for this system: MariaDB takes its place');
  const mariadb = installed('mariadbd');
  if (mariadb) return describe('mariadb', [mariadb], [], join(dirname(mariadb), '..'));
  const folder = await ensureTool(`mariadb-${osRelease().VERSION_CODENAME ?? 'own'}`, (into) =>
    unpackPackages(['mariadb-server-core', 'mariadb-client-core'], 'own', into).catch((error: Error) => {
      throw new StackError(
        `Neither MySQL nor MariaDB could be fetched; install MySQL 8.4 or newer (mysqld on the PATH), or set MYSQL_HOST, MYSQL_PORT and MYSQL_ROOT_PASSWORD to a server that exists. (${error.message})`,
      );
    }),
  );
  return unpacked('mariadb', folder, 'usr/sbin/mariadbd');
}

function unpacked(kind: Program['kind'], folder: string, program: string): Promise<Program> {
  const share = join(folder, 'usr/share/mysql');
  const plugins = join(folder, 'usr/lib/mysql/plugin');
  const options = [
    `--lc-messages-dir=${share}`,
    `--character-sets-dir=${join(share, 'charsets')}`,
    `--plugin-dir=${plugins}`,
  ];
  return describe(kind, unpackedCommand(folder, program), options, join(folder, 'usr'));
}

async function describe(kind: Program['kind'], command: string[], options: string[], base: string): Promise<Program> {
  const [first = '', ...rest] = command;
  const version = /\d+\.\d+\.\d+/.exec(await run(first, [...rest, '--version']))?.[0] ?? 'unknown';
  return { kind, command, options, base, version };
}

/** The command of a tool that comes with the chosen server, such as `mysqlbinlog`; MariaDB's has another name. */
export async function databaseTool(name: 'mysql' | 'mysqlbinlog'): Promise<string[]> {
  const { kind, command, base } = await databaseProgram();
  const file = kind === 'mysql' ? name : name.replace(/^mysql(?=binlog)/, 'mariadb-').replace(/^mysql$/, 'mariadb');
  const tool = join(base, 'bin', file);
  if (!existsSync(tool)) throw new StackError(`${file} is not among the tools in ${join(base, 'bin')}`);
  return [...command.slice(0, -1), tool];
}

/** First options: no configuration of the machine, and root only if the caller is root. */
function basics(program: Program): string[] {
  return ['--no-defaults', ...program.options, ...(userInfo().uid === 0 ? ['--user=root'] : [])];
}

/** A data folder as after a first start, which each new stack copies: initialising takes five seconds, copying none. */
function template(): Promise<string> {
  return databaseProgram().then((program) =>
    ensureTool(`${program.kind}-${program.version}-data`, async (into) => {
      const [command = '', ...loader] = program.command;
      const common = [...loader, ...basics(program), `--datadir=${into}`];
      if (program.kind === 'mysql') {
        await run(command, [...common, '--initialize-insecure', '--secure-file-priv=']);
        return;
      }
      const share = join(program.base, existsSync(join(program.base, 'share/mysql')) ? 'share/mysql' : 'share/mariadb');
      mkdirSync(join(into, 'mysql'));
      await run(command, [...common, '--bootstrap', '--skip-networking', '--innodb-log-file-size=64M'], {
        input: mariaDbTables(share),
      });
    }),
  );
}

/**
 * The input of mariadb-install-db for a new server, with a root that may log in from this machine without a password.
 */
function mariaDbTables(share: string): string {
  const present = new Set(readdirSync(share));
  const file = (name: string) =>
    [`mariadb_${name}.sql`, `mysql_${name}.sql`]
      .filter((each) => present.has(each))
      .map((each) => readFileSync(join(share, each), 'utf8'));
  return [
    'USE mysql;',
    "SET @auth_root_socket=NULL, @skip_auth_anonymous=1, @current_hostname='localhost';",
    ...file('system_tables'),
    ...file('performance_tables'),
    ...file('system_tables_data'),
  ].join('\n');
}

/** Whether the server keeps a binary log (`MYSQL_BINLOG=on`), as a server with replicas must. Default off. */
export function keepsBinaryLog(env: Readonly<Record<string, string | undefined>> = process.env): boolean {
  const { MYSQL_BINLOG: value = 'off' } = env;
  if (value !== 'on' && value !== 'off') throw new StackError(`MYSQL_BINLOG is ${value}; it must be on or off.`);
  return value === 'on';
}

/** Whether the server tells which transaction waits for which (`MYSQL_WATCH_LOCKS=on`; MySQL only). Default off. */
function watchesLocks(): boolean {
  const { MYSQL_WATCH_LOCKS: value = 'off' } = process.env;
  if (value !== 'on' && value !== 'off') throw new StackError(`MYSQL_WATCH_LOCKS is ${value}; it must be on or off.`);
  return value === 'on';
}

/** The tables of locks belong to the performance schema; whatever else that counts is left out. */
const lockTables = [
  '--performance-schema=ON',
  ...['wait', 'stage', 'statement', 'transaction', 'memory', 'error'].map(
    (name) => `--performance-schema-instrument=${name}%=OFF`,
  ),
  '--performance-schema-digests-size=0',
];

/** Each commit is in the log and on disk before it is answered; expiry keeps a long load from filling the disk. */
const binaryLog = [
  '--log-bin=binlog',
  '--server-id=1',
  '--sync-binlog=1',
  '--max-binlog-size=128M',
  '--binlog-expire-logs-seconds=1800',
];

/** In the data folder. Relative to it: a socket's full path is limited to 107 characters. */
const SOCKET = 'server.sock';

/** The server's settings, equal for both kinds unless noted. */
export function settings(
  kind: Program['kind'],
  data: string,
  port: number,
  load: boolean,
  withBinaryLog = keepsBinaryLog(),
): string[] {
  // MySQL writes the whole redo log at its first start, so a quick start uses a small one.
  const redoLog = load ? '1G' : '256M';
  const common = [
    `--datadir=${data}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${SOCKET}`,
    `--pid-file=${join(data, 'server.pid')}`,
    '--secure-file-priv=',
    // A commit is on disk before it is answered. There is no replica, so a binary log would only cost a second fsync:
    // it is kept only to measure its cost.
    '--innodb-flush-log-at-trx-commit=1',
    ...(withBinaryLog ? binaryLog : ['--skip-log-bin']),
    '--transaction-isolation=READ-COMMITTED',
    ...(kind === 'mysql' && watchesLocks() ? lockTables : ['--performance-schema=OFF']),
    '--innodb-buffer-pool-size=256M',
    // Changed pages stay in memory, safe in the redo log: most change again soon, and each page write costs two (the
    // doublewrite buffer). By default half of all written bytes were such pages, and written bytes make a disk stall.
    '--innodb-max-dirty-pages-pct-lwm=70',
    '--innodb-adaptive-flushing-lwm=70',
    '--max-connections=400',
    '--character-set-server=utf8mb4',
    '--default-time-zone=+00:00',
  ];
  return kind === 'mysql'
    ? [...common, `--innodb-redo-log-capacity=${redoLog}`, '--mysqlx=OFF', '--log-error-verbosity=2']
    : [
        ...common,
        `--innodb-log-file-size=${redoLog}`,
        '--log-warnings=1',
        ...(withBinaryLog ? ['--binlog-format=ROW'] : []),
      ];
}

/** MySQL and MariaDB have a folder each: neither can read the other's data. */
function dataFolder(site: Site, program: Program): string {
  return join(site.data, `${program.kind}-data`);
}

export const mysql: Server = {
  graceMs: 20_000,
  install: async () => void (await template()),
  async prepare(site) {
    const data = dataFolder(site, await databaseProgram());
    // A killed server leaves its pid there. Once another process has that pid, the server would not start any more. Two
    // servers on one folder are prevented by InnoDB's lock of its files, which ends with the process.
    rmSync(join(data, `${SOCKET}.lock`), { force: true });
    if (existsSync(data)) return;
    // The copy is made beside its place first: an interrupted copy must not pass for a database.
    const part = `${data}.part`;
    rmSync(part, { recursive: true, force: true });
    await cp(await template(), part, { recursive: true });
    await rename(part, data);
  },
  async command(site) {
    const program = await databaseProgram();
    const [command = '', ...loader] = program.command;
    const data = dataFolder(site, program);
    return {
      command,
      args: [...loader, ...basics(program), ...settings(program.kind, data, site.port, site.load)],
      cwd: data,
    };
  },
  async probe(site) {
    await (await adminConnection({ host: '127.0.0.1', port: site.port, password: '' })).end();
  },
};

export interface AdminAddress {
  host: string;
  port: number;
  /** Password of root. */
  password: string;
  /** The driver's options of TLS. */
  ssl?: object;
}

/** A connection as root, for creating schemas and users. */
export function adminConnection(address: AdminAddress) {
  return createConnection({
    ...address,
    user: 'root',
    allowPublicKeyRetrieval: true,
    connectTimeout: 2000,
    timezone: 'Z',
  });
}
