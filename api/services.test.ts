import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { EVENTS, type EventType, publisherOf } from '@shop/events';
import { gatewayConfigSchema } from '../services/gateway/src/config.ts';
import { PUBLISHERS, SERVICE_NAMES, SERVICES, schemaOf, urlsVariable } from '../services/services.ts';
import { SERVICES as SIMULATED } from '../test/simulation/world.ts';
import { GROUPS } from './asyncapi/groups.ts';

const text = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

describe('the list of services', () => {
  it('when a folder is a service with a schema, then it is in the list, and no other', () => {
    const folders = readdirSync(new URL('../services/', import.meta.url)).filter((name) =>
      existsSync(new URL(`../services/${name}/prisma/schema.prisma`, import.meta.url)),
    );
    expect([...SERVICE_NAMES].sort()).toEqual(folders.sort());
  });

  it('when a service has a subscription, then the list has its group, and no other', () => {
    const groups = GROUPS.map(({ service, name }) => `${service}: ${name}`);
    expect(SERVICE_NAMES.flatMap((name) => SERVICES[name].groups.map((group) => `${name}: ${group}`)).sort()).toEqual(
      groups.sort(),
    );
  });

  it('when an event is of a service, then the list has its topic, and no other', () => {
    const topics = (Object.keys(EVENTS) as EventType[]).map((type) => `${publisherOf(type)}: ${EVENTS[type].topic}`);
    expect(SERVICE_NAMES.flatMap((name) => SERVICES[name].topics.map((topic) => `${name}: ${topic}`)).sort()).toEqual(
      [...new Set(topics)].sort(),
    );
  });

  it('when a service says something, then the simulation has it', () => {
    expect([...SIMULATED].sort()).toEqual([...PUBLISHERS].sort());
  });

  it('when a service stands behind the gateway, then the gateway has a variable for its addresses', () => {
    const known = Object.keys(gatewayConfigSchema.shape);
    expect(SERVICE_NAMES.map(urlsVariable).filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe.each(SERVICE_NAMES)('%s outside of the list', (name) => {
  const { port } = SERVICES[name];
  const schema = schemaOf(name);

  it('has its schema and its user in compose', () => {
    const sql = text('deploy/compose/schemas.sql');
    expect(sql).toContain(`CREATE DATABASE IF NOT EXISTS ${schema} `);
    expect(sql).toContain(`CREATE USER IF NOT EXISTS '${schema}'@'%' IDENTIFIED BY '${schema}';`);
    expect(sql).toContain(`GRANT ALL ON \`${schema.replace('_', '\\_')}\`.* TO '${schema}'@'%';`);
  });

  it('has its migration, its port and its addresses in compose', () => {
    const compose = text('docker-compose.yml');
    const database = `mysql://${schema}:${schema}@mysql:3306/${schema}`;
    expect(compose).toContain(`\n  ${name}-migrate:\n`);
    expect(compose).toContain(`DATABASE_URL: "${database}"`);
    expect(compose).toContain(`DATABASE_URL: ${database}\n      PORT: ${port}\n`);
    expect(compose).toContain(`ports: ["127.0.0.1:${port}:${port}"]`);
    const addresses = `      ${urlsVariable(name)}: http://${name}:${port}\n`;
    // The gateway's and the console's.
    expect(compose.split(addresses)).toHaveLength(3);
  });

  it('listens on its port by default', () => {
    expect(text(`services/${name}/src/config.ts`)).toContain(`PORT.default(${port})`);
  });

  it('has its packages in the image', () => {
    expect(text('Dockerfile')).toContain(`COPY services/${name}/package.json services/${name}/\n`);
  });
});
