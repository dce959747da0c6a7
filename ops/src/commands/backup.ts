import type { Command } from 'commander';
import { SERVICE_NAMES } from '../../../services/services.ts';
import { readAddresses } from '../addresses.ts';
import { installedRelease } from '../backup/installed.ts';
import type { Manifest } from '../backup/manifest.ts';
import { takeBackup } from '../backup/take.ts';
import { action, addCommand, EXIT, table } from '../command.ts';
import { serviceNamed } from './service-named.ts';

interface Options {
  json?: boolean;
  service?: string[];
  to: string;
}

export function registerBackup(program: Command): void {
  addCommand(
    program,
    'backup',
    'backs up the schemas of all services, or of some, as they are at one moment, while the services run',
    'backup --to /backups/2026-01-31',
  )
    .requiredOption('--to <folder>', 'a folder that is not there yet')
    .option('--service <names...>', 'these services; without, all')
    .action(
      action<Options>(async (output, options) => {
        const services = options.service?.map(serviceNamed);
        if (services?.some((it) => it === undefined)) {
          output.say(`There is no such service. There are: ${SERVICE_NAMES.join(', ')}.`);
          return EXIT.usage;
        }
        const { backupDatabase: database, brokers } = readAddresses();
        const manifest = await takeBackup({
          ...{ database, brokers },
          services: services?.flatMap((it) => it ?? []) ?? SERVICE_NAMES,
          ...{ to: options.to, release: installedRelease(), say: output.say },
        });
        output.result(manifest, render(manifest, options.to));
        return EXIT.done;
      }),
    );
}

function render({ services, beganAt, binaryLog }: Manifest, to: string): string {
  const rows = services.map(({ service, schema, tables }) => [
    service,
    schema,
    `${tables.length} tables`,
    tables.reduce((sum, { rows: own }) => sum + own, 0),
    'rows',
  ]);
  return [
    table(rows),
    `of one moment, at ${beganAt} or just after${binaryLog ? `, in the binary log at ${binaryLog.file} ${binaryLog.position}` : ''}`,
    `in ${to}`,
  ].join('\n');
}
