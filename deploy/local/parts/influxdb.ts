import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { osRelease, unpackedCommand, unpackPackages } from '../fetch/apt.ts';
import { ensureTool } from '../fetch.ts';
import { installed } from '../run.ts';
import { StackError } from '../stack-error.ts';
import { expectOk, type Server, type Site } from './server.ts';

async function program(): Promise<string[]> {
  const own = installed('influxd');
  if (own) return [own];
  const folder = await ensureTool(`influxdb-${osRelease().VERSION_CODENAME ?? 'own'}`, (into) =>
    unpackPackages(['influxdb'], 'own', into).catch((error: Error) => {
      throw new StackError(
        `InfluxDB 1.x could not be fetched; install it, or name one that runs: --influx http://host:8086/k6. (${error.message})`,
      );
    }),
  );
  return unpackedCommand(folder, 'usr/bin/influxd');
}

/** TOML. Load test data is not kept for ever, InfluxDB does not monitor itself, and it reports to nobody. */
function settings({ data, port }: Site): string {
  const text = (value: string) => JSON.stringify(value);
  return `reporting-disabled = true
bind-address = ${text(`127.0.0.1:${port + 1}`)}
[meta]
  dir = ${text(join(data, 'meta'))}
[data]
  dir = ${text(join(data, 'data'))}
  wal-dir = ${text(join(data, 'wal'))}
  query-log-enabled = false
[monitor]
  store-enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = ${text(`127.0.0.1:${port}`)}
  log-enabled = false
`;
}

/** The database for k6's results. InfluxDB 1.x, because k6 speaks only its protocol. */
export const influxdb: Server = {
  graceMs: 10_000,
  install: async () => void (await program()),
  async prepare(site) {
    mkdirSync(site.data, { recursive: true });
    writeFileSync(join(site.data, 'influxdb.conf'), settings(site));
  },
  async command(site) {
    const [command = '', ...args] = await program();
    return { command, args: [...args, '-config', join(site.data, 'influxdb.conf')], cwd: site.data };
  },
  probe: (site) => expectOk(`http://127.0.0.1:${site.port}/ping`),
};
