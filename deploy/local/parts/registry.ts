import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findJava, unpackArtifact } from '../fetch/maven.ts';
import { ensureTool } from '../fetch.ts';
import { freePort } from '../ports.ts';
import { recordClasses, useClasses } from './class-archive.ts';
import { type Command, expectOk, type Server, type Site } from './server.ts';

const version = '2.6.13.Final';

const program = (): Promise<string> =>
  ensureTool(`apicurio-registry-${version}`, (into) =>
    unpackArtifact(`io.apicurio:apicurio-registry-app:${version}:tar.gz:all`, into),
  );

const classes = (): Promise<string> =>
  ensureTool(`apicurio-registry-${version}-classes`, async (into) => {
    const folder = await program();
    await recordClasses('registry', join(into, 'classes.jsa'), async (extra) => {
      const site = { data: mkdtempSync(join(tmpdir(), 'registry-classes-')), port: await freePort(), load: false };
      return { site, command: await serverCommand(site, folder, extra), probe: registry.probe };
    });
  });

async function serverCommand(site: Site, folder: string, extra: string[]): Promise<Command> {
  return {
    command: await findJava(),
    args: [
      ...['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...extra],
      ...['-jar', join(folder, `apicurio-registry-app-${version}-runner.jar`)],
    ],
    // The archive of classes is valid only for the same class path.
    cwd: folder,
    env: {
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(site.port),
      // Without these two settings H2 keeps writes in memory for a while, and a killed registry loses schemas.
      REGISTRY_DATASOURCE_URL: `jdbc:h2:file:${join(site.data, 'registry')};DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0`,
    },
  };
}

export const registry: Server = {
  graceMs: 8000,
  install: async () => void (await classes()),
  prepare: async (site) => void mkdirSync(site.data, { recursive: true }),
  async command(site) {
    return serverCommand(site, await program(), useClasses(join(await classes(), 'classes.jsa')));
  },
  probe: (site) => expectOk(`http://127.0.0.1:${site.port}/apis/ccompat/v7/subjects`),
};
