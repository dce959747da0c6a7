import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { METRICS_PORT_ABOVE as OF_A_PROCESS } from '@shop/chassis';
import { EVENTS, type EventType, publisherOf } from '@shop/events';
import { gatewayConfigSchema } from '../services/gateway/src/config.ts';
import { ALL_GROUPS } from '../services/groups.ts';
import {
  ALL_SERVICE_NAMES,
  EXAMPLE_NAMES,
  folderOf,
  METRICS_PORT_ABOVE,
  metricsUrl,
  PUBLISHERS,
  readExamples,
  SERVICE_NAMES,
  SERVICES,
  schemaOf,
  urlsVariable,
} from '../services/services.ts';
import { SERVICES as SIMULATED } from '../test/simulation/world.ts';

const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

describe('the list of services', () => {
  it('when a folder is a service with a schema, then it is in the list, and no other', () => {
    const folders = ['services', 'examples'].flatMap((parent) =>
      readdirSync(new URL(`../${parent}/`, import.meta.url))
        .map((name) => `${parent}/${name}`)
        .filter((folder) => existsSync(new URL(`../${folder}/prisma/schema.prisma`, import.meta.url))),
    );
    expect(ALL_SERVICE_NAMES.map(folderOf).sort()).toEqual(folders.sort());
  });

  it('when a service has a subscription, then the list has its group, and no other', () => {
    const groups = ALL_GROUPS.map(({ service, group }) => `${service}: ${group}`);
    expect(
      ALL_SERVICE_NAMES.flatMap((name) => SERVICES[name].groups.map((group) => `${name}: ${group}`)).sort(),
    ).toEqual(groups.sort());
  });

  it('when an event is of a service, then the list has its topic, and no other', () => {
    const topics = (Object.keys(EVENTS) as EventType[]).map((type) => `${publisherOf(type)}: ${EVENTS[type].topic}`);
    expect(
      ALL_SERVICE_NAMES.flatMap((name) => SERVICES[name].topics.map((topic) => `${name}: ${topic}`)).sort(),
    ).toEqual([...new Set(topics)].sort());
  });

  it('when an example is asked for that does not exist, then the error names those that do', () => {
    expect(readExamples('shipping')).toEqual(['shipping']);
    expect(readExamples('')).toEqual([]);
    expect(() => readExamples('shiping')).toThrow(`There is no example shiping; there is ${EXAMPLE_NAMES.join(', ')}.`);
  });

  it('when a service publishes an event, then the simulation has it', () => {
    expect([...SIMULATED].sort()).toEqual([...PUBLISHERS].sort());
  });

  it('when a service stands behind the gateway, then the gateway has a variable for its addresses', () => {
    const known = Object.keys(gatewayConfigSchema.shape);
    expect(SERVICE_NAMES.map(urlsVariable).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe('where an instance serves its metrics', () => {
  it('when nothing else is said, then tools look where the process serves them', () => {
    expect(METRICS_PORT_ABOVE).toBe(OF_A_PROCESS);
    expect(metricsUrl('http://order:3001', undefined)).toBe('http://order:3101/metrics');
    expect(metricsUrl('http://order', '')).toBe('http://order:180/metrics');
  });

  it('when a port is named for tools, then they look there, in plain text', () => {
    expect(metricsUrl('http://order:3001', '9464')).toBe('http://order:9464/metrics');
    expect(metricsUrl('https://order', '9464')).toBe('http://order:9464/metrics');
  });

  it('when a process has a METRICS_PORT of its own, then it does not look for others there', () => {
    process.env.METRICS_PORT = '9464';
    try {
      expect(metricsUrl('http://order:3001')).toBe('http://order:3101/metrics');
    } finally {
      delete process.env.METRICS_PORT;
    }
  });
});

it.each(ALL_SERVICE_NAMES)('when nothing else is said, then %s listens on its port of the list', (name) => {
  expect(text(`${folderOf(name)}/src/config.ts`)).toContain(`PORT.default(${SERVICES[name].port})`);
});

it.each(ALL_SERVICE_NAMES)('when packages are installed for the image, then those of %s are among them', (name) => {
  const [, manifests = ''] = / cp --parents (.+) \/manifests$/m.exec(text('Dockerfile')) ?? [];
  const copied = globSync(manifests.split(' '), { cwd: new URL('../', import.meta.url).pathname });
  expect(copied).toContain(`${folderOf(name)}/package.json`);
  expect(text('Dockerfile')).toContain('\nCOPY --from=manifests /manifests ./\nCOPY package.json');
});

describe.each(SERVICE_NAMES)('%s outside of the list', (name) => {
  const { port } = SERVICES[name];
  const schema = schemaOf(name);

  it('when a service has a schema, then compose creates the schema and its user', () => {
    const sql = text('deploy/compose/schemas.sql');
    expect(sql).toContain(`CREATE DATABASE IF NOT EXISTS ${schema} `);
    expect(sql).toContain(`CREATE USER IF NOT EXISTS '${schema}'@'%' IDENTIFIED BY '${schema}';`);
    const on = `ON \`${schema.replace('_', '\\_')}\`.* TO '${schema}`;
    expect(sql).toContain(`GRANT SELECT, INSERT, UPDATE, DELETE ${on}'@'%';`);
    expect(sql).toContain(`GRANT ALL ${on}_migration'@'%';`);
    expect(sql).toContain(`CREATE USER IF NOT EXISTS '${schema}_migration'@'%' IDENTIFIED BY '${schema}_migration';`);
  });

  it('when a service has a schema, then compose has its port and addresses', () => {
    const compose = text('docker-compose.yml');
    const database = `mysql://${schema}:${schema}@mysql:3306/${schema}`;
    expect(compose).toContain(`DATABASE_URL: ${database}\n      PORT: ${port}\n`);
    const published = [port, port + METRICS_PORT_ABOVE].map((each) => `"127.0.0.1:${each}:${each}"`).join(', ');
    expect(compose).toContain(`ports: [${published}]`);
    const addresses = `      ${urlsVariable(name)}: http://${name}:${port}\n`;
    // Three times: for the gateway, the console and the demo data.
    expect(compose.split(addresses)).toHaveLength(4);
  });
});
