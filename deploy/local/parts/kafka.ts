import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyDependencies, findJava } from '../fetch/maven.ts';
import { ensureTool } from '../fetch.ts';
import { root } from '../paths.ts';
import { freePort } from '../ports.ts';
import { run } from '../run.ts';
import { recordClasses, useClasses } from './class-archive.ts';
import { type Command, exchange, type Server, type Site } from './server.ts';

const configuration = join(root, 'deploy/local/kafka');
const quickStart = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** Several brokers share the memory of one. */
const ofSeveral = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const forLoad = ['-Xms512m', '-Xmx768m', '-XX:+UseSerialGC'];

const jars = (): Promise<string> =>
  ensureTool('kafka-4.4.0', (into) => copyDependencies(join(configuration, 'pom.xml'), join(into, 'libs')));

/** An archive of the broker's classes, which halves its start time. */
const classes = (): Promise<string> =>
  ensureTool('kafka-4.4.0-classes', async (into) => {
    const folder = await jars();
    await recordClasses('kafka', join(into, 'classes.jsa'), async (extra) => {
      const site = { data: mkdtempSync(join(tmpdir(), 'kafka-classes-')), port: await freePort(), load: false };
      await format(site, folder, await freePort());
      return { site, command: await brokerCommand(site, folder, extra), probe: kafka.probe };
    });
  });

async function java(libs: string): Promise<string[]> {
  return [await findJava(), '-cp', join(libs, 'libs', '*')];
}

async function brokerCommand(site: Site, folder: string, extra: string[]): Promise<Command> {
  const [command = '', ...classpath] = await java(folder);
  const logging = `-Dlog4j2.configurationFile=${join(configuration, 'log4j2.xml')}`;
  const heap = site.load ? forLoad : site.cluster ? ofSeveral : quickStart;
  return {
    command,
    args: [
      ...heap,
      '-Djava.awt.headless=true',
      ...extra,
      logging,
      ...classpath,
      'kafka.Kafka',
      join(site.data, 'server.properties'),
    ],
    cwd: site.data,
  };
}

/** Writes the properties, and at first use the KRaft metadata. */
async function format(site: Site, folder: string, controllerPort: number): Promise<void> {
  mkdirSync(site.data, { recursive: true });
  const logs = join(site.data, 'logs');
  const file = join(site.data, 'server.properties');
  writeFileSync(file, properties(site, controllerPort, logs));
  if (existsSync(join(logs, 'meta.properties'))) return;
  const [command = '', ...classpath] = await java(folder);
  // A leading 0 keeps the text from beginning with '-', which marks options.
  const hex = site.cluster ? createHash('md5').update(site.cluster.id).digest('hex') : randomUUID().replaceAll('-', '');
  const id = Buffer.from(`0${hex.slice(1)}`, 'hex').toString('base64url');
  await run(command, [
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    ...classpath,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    id,
    '-c',
    file,
  ]);
}

/** Each broker's controller has the port after it. */
const controllerOf = (port: number) => port + 1;

/**
 * A broker that is also a controller. Of three, two must run: with fewer the controllers have no majority, so that no
 * partition gets another leader.
 */
function properties({ port, cluster }: Site, controllerPort: number, logs: string): string {
  const voters = cluster ? cluster.ports.map(controllerOf) : [controllerPort];
  const copies = voters.length;
  // All copies but one: a broker may be away.
  const inSync = Math.max(1, copies - 1);
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': (cluster?.index ?? 0) + 1,
    'controller.quorum.voters': voters.map((voter, index) => `${index + 1}@127.0.0.1:${voter}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': logs,
    'auto.create.topics.enable': false,
    'delete.topic.enable': true,
    'log.retention.hours': 168,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 5,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 5,
    // A first consumer starts at once, and a killed broker is readmitted after two seconds rather than nine.
    'group.initial.rebalance.delay.ms': 0,
    // Otherwise the controller writes an empty record twice a second for following brokers, of which one has none.
    'metadata.max.idle.interval.ms': copies === 1 ? 0 : 500,
    'broker.session.timeout.ms': 2000,
    'broker.heartbeat.interval.ms': 400,
    'log.cleaner.dedupe.buffer.size': 16777216,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** ApiVersions, version 0: the broker answers it only once it serves requests. */
const apiVersions = Buffer.from([0, 0, 0, 14, 0, 18, 0, 0, 0, 0, 0, 1, 0, 4, ...Buffer.from('shop')]);

export const kafka: Server = {
  graceMs: 15_000,
  install: async () => void (await classes()),
  prepare: async (site) => format(site, await jars(), controllerOf(site.port)),
  async command(site) {
    return brokerCommand(site, await jars(), useClasses(join(await classes(), 'classes.jsa')));
  },
  async probe(site) {
    const answer = await exchange(site.port, apiVersions);
    if (answer.length < 10 || answer.readInt16BE(8) !== 0) throw new Error('kafka does not serve requests yet');
  },
};
