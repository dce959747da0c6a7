import type { DatabaseSecurity } from '@shop/chassis';
import type { Command } from 'commander';
import {
  databaseVariable,
  folderOf,
  migrationVariable,
  SERVICE_NAMES,
  SERVICES,
  type ServiceName,
} from '../../../services/services.ts';
import { access } from '../access.ts';
import { type Addresses, readAddresses } from '../addresses.ts';
import { type CheckedBackup, checkBackup } from '../backup/check.ts';
import { BackupError, recoverFrom } from '../backup/manifest.ts';
import { restoreBackup, whyNot } from '../backup/restore.ts';
import { action, addCommand, EXIT, type ExitCode, moment, type Output, table } from '../command.ts';
import { serviceNamed } from './service-named.ts';

interface Options {
  json?: boolean;
  from: string;
  service: string;
  until?: Date;
  execute?: boolean;
}

export function registerRestore(program: Command): void {
  addCommand(
    program,
    'restore',
    'puts the schema of a service back as a backup has it, and says how it is brought forward from there',
    'restore --from /backups/2026-01-31 --service payment --execute',
  )
    .requiredOption('--from <folder>', 'the folder of a backup')
    .requiredOption('--service <name>', 'the service, which must not run')
    .option('--until <time>', 'say how the binary log brings it on to this time, which is rounded to seconds', (text) =>
      moment(text),
    )
    .option('--execute', 'do it: what the schema holds is removed; without, only check the backup')
    .action(
      action<Options>(async (output, options) => {
        const service = serviceNamed(options.service);
        if (service) return await run(output, service, options);
        output.say(`There is no such service. There are: ${SERVICE_NAMES.join(', ')}.`);
        return EXIT.usage;
      }),
    );
}

async function run(output: Output, service: ServiceName, { from, execute, until }: Options): Promise<ExitCode> {
  const addresses = readAddresses();
  try {
    const backup = await checkBackup(from, service);
    const { part, manifest } = backup;
    output.say(`${from} is whole: ${service} as it was at ${manifest.beganAt}, of release ${manifest.release}.`);
    const next = stepsAfter(addresses, service, backup, until);
    const reason = await whyNot(addresses, service);
    if (reason !== undefined) throw new BackupError(reason);
    if (!execute) {
      output.result(part, table(part.tables.map(({ name, rows }) => [name, rows])));
      output.say(`Nothing was changed. Repeat with --execute: what ${part.schema} holds is removed.`);
      return EXIT.found;
    }
    const applied = await restoreBackup(addresses, service, backup, until ? 'the binary log' : 'a start');
    output.result({ service, migrations: applied, recoverFrom: recoverFrom(manifest, part), next }, next.join('\n'));
    output.say(`${part.schema} is restored${applied.length > 0 ? `, and brought to this release: ${applied}` : ''}.`);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    output.say(`refused: ${error.message}. Nothing was changed by this refusal.`);
    return EXIT.failed;
  }
}

/**
 * The commands that bring a restored schema forward. Rows of the binary log fit the tables that were there when they
 * were written, and it may hold migrations itself, so the migrations of this release come after it.
 * @throws BackupError when the log does not lead to `until`
 */
export function stepsAfter(
  addresses: Addresses,
  service: ServiceName,
  backup: CheckedBackup,
  until: Date | undefined,
): string[] {
  const migration = `MIGRATION_DATABASE_URL=$${migrationVariable(service)} node libs/chassis/src/database/migrate.ts ${folderOf(service)}`;
  const fromLog = until ? [binaryLogStep(addresses, backup, until), migration] : [];
  const steps = [...fromLog, ...nextStep(service, backup, addresses.services[service].database)];
  return until && SERVICES[service].recovers ? [...steps, ...inItsPlace(addresses, backup)] : steps;
}

/** The end of a restore for which the binary log told everything: then there is nothing to recover. */
function inItsPlace({ backupDatabase }: Addresses, { part }: CheckedBackup): string[] {
  const done = `UPDATE ${part.schema}.replay SET status = 'DONE', finished_at = UTC_TIMESTAMP(3) WHERE id = 0`;
  return [
    '# only if nothing went on since (Kafka was away, all was stopped), in place of the recovery; then start it as always:',
    `mysql ${serverOptions(backupDatabase)} -e "${done}"`,
  ];
}

/**
 * The command that applies what the binary log has of the schema, from the moment of the backup up to a time.
 * @throws BackupError when that cannot be
 */
function binaryLogStep({ backupDatabase }: Addresses, { manifest, part }: CheckedBackup, until: Date): string {
  if (!manifest.binaryLog)
    throw new BackupError('it does not know its position in a binary log, so --until cannot be reached');
  if (until < new Date(manifest.beganAt))
    throw new BackupError(`--until ${until.toISOString()} is before it began, at ${manifest.beganAt}`);
  const server = serverOptions(backupDatabase);
  const { file, position } = manifest.binaryLog;
  const stop = until.toISOString().slice(0, 19).replace('T', ' ');
  return `TZ=UTC mysqlbinlog ${server} --read-from-remote-server --to-last-log --skip-gtids --database=${part.schema} --start-position=${position} --stop-datetime='${stop}' ${file} | mysql ${server}`;
}

/** Options of `mysql` and `mysqlbinlog` that lead to the server, as an administrator. */
function serverOptions(backupDatabase: string): string {
  const { hostname, port } = new URL(backupDatabase);
  return `--host=${hostname} --port=${port || 3306} --user=root${tlsOptions(access().database)}`;
}

/** TLS options for `mysql` and `mysqlbinlog`, which read the authorities from a file only. */
function tlsOptions({ tls }: DatabaseSecurity): string {
  if (!tls) return '';
  const authorities = process.env.DATABASE_TLS_CA_FILE || 'FILE-OF-THE-AUTHORITIES';
  return ` --ssl-mode=VERIFY_IDENTITY --ssl-ca='${authorities.replaceAll("'", String.raw`'\''`)}'`;
}

/** The commands of the recovery. */
function nextStep(service: ServiceName, { manifest, part }: CheckedBackup, database: string): string[] {
  const from = recoverFrom(manifest, part).toISOString();
  if (!SERVICES[service].recovers)
    return [`# ${service} cannot be brought forward by its events (docs/runbooks/restore-a-service.md)`];
  const doubt =
    part.unreadSince === null
      ? [
          '# The backup does not tell what the service had not read yet. If it was behind then (the graphs of its lag tell),',
          '# take a time before its first unread event in both commands; if in doubt, some hours earlier: that does no harm.',
        ]
      : [];
  return [
    ...doubt,
    `npm run ops -- replay --recover ${service} --from ${from}`,
    `RECOVERY=on RECOVERY_FROM=${from} DATABASE_URL=$${databaseVariable(service)} node ${folderOf(service)}/src/main.ts`,
    `# with all its other settings as they were; ${databaseVariable(service)} is ${hidePassword(database)}`,
  ];
}

function hidePassword(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}
