import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '@shop/chassis';
import { createAuthority } from '@shop/chassis/testing';
import { root } from '../../deploy/local/paths.ts';
import { eventually } from '../support/eventually.ts';
import { type OwnServers, ownServers } from '../support/own-servers.ts';
import { rootConnection, startSecuredMysql, strangers, type TlsFiles, tlsFiles } from '../support/secured-servers.ts';

const authority = createAuthority();
const PASSWORD = 'p/w:@';
let own: OwnServers;
let files: TlsFiles;
let port: number;

beforeAll(async () => {
  own = ownServers();
  files = tlsFiles(own, 'server', authority, authority.issue());
  ({ port } = await startSecuredMysql(own, files, authority));
  const connection = await rootConnection(port, authority);
  await connection.query('CREATE DATABASE shop_payment CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
  await connection.query(`CREATE USER 'shop'@'%' IDENTIFIED BY '${PASSWORD}'`);
  await connection.query(`CREATE USER 'proven'@'%' IDENTIFIED BY '${PASSWORD}' REQUIRE X509`);
  for (const user of ['shop', 'proven']) await connection.query(`GRANT ALL ON shop_payment.* TO '${user}'@'%'`);
  await connection.end();
}, 120_000);

afterAll(() => own.stop());

const url = (user = 'shop', password = PASSWORD) =>
  `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/shop_payment`;

/** Applies the migrations of a service as an operator does. */
async function migrate(env: Record<string, string>): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [join(root, 'libs/chassis/src/database/migrate.ts'), 'services/payment'], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said = text(child.stderr);
  const code = await new Promise<number>((resolve) => child.once('close', (ended) => resolve(ended ?? 1)));
  return { code, said: await said };
}

describe('a MySQL that demands TLS', () => {
  it('when its authority is given in a file, then migrations are applied and statements go by TLS', async () => {
    const { code, said } = await migrate({ DATABASE_URL: url(), DATABASE_TLS_CA_FILE: files.ca });
    expect(said).toMatch(/applied|up to date/);
    expect(code).toBe(0);
    const database = createDatabase({ url: url(), security: { tls: { ca: authority.ca } } });
    try {
      const [row] = await database.query<{ Value: string }>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
      expect(row?.Value).toMatch(/^[A-Z0-9_-]+$/);
      const dedicated = await database.dedicatedConnection();
      expect(await dedicated.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).toEqual([row]);
      await dedicated.end();
    } finally {
      await database.close();
    }
  });

  it('when a user must show a certificate, then one with it is let in', async () => {
    const shown = tlsFiles(own, 'client', authority, authority.issue());
    const env = { DATABASE_URL: url('proven'), DATABASE_TLS_CA_FILE: files.ca };
    const certificate = { DATABASE_TLS_CERT_FILE: shown.cert, DATABASE_TLS_KEY_FILE: shown.key };
    expect(await migrate({ ...env, ...certificate })).toMatchObject({ code: 0 });
    const { code, said } = await migrate(env);
    expect(said).toMatch(/MySQL at 127\.0\.0\.1:\d+: it does not accept this user or password/);
    expect(code).toBe(1);
  });

  it.each<[string, () => Record<string, string>, RegExp]>([
    ['the password is wrong', () => ({ DATABASE_URL: url('shop', 'x') }), /it does not accept this user or password/],
    [
      'its authority is not known',
      () => ({ DATABASE_TLS_CA_FILE: own.file('strangers.pem', strangers.ca) }),
      /its certificate is of an authority that is not known here: see DATABASE_TLS_CA/,
    ],
    [
      'no authority is given',
      () => ({ DATABASE_TLS_CA_FILE: '', DATABASE_TLS: 'on' }),
      /its certificate is of an authority that is not known here: see DATABASE_TLS_CA/,
    ],
    ['no TLS is wished', () => ({ DATABASE_TLS_CA_FILE: '' }), /it demands TLS: see DATABASE_TLS/],
  ])('when %s, then a sentence names the server and what is wrong', async (_what, env, words) => {
    const { code, said } = await migrate({ DATABASE_URL: url(), DATABASE_TLS_CA_FILE: files.ca, ...env() });
    expect(said).toMatch(new RegExp(`MySQL at 127\\.0\\.0\\.1:${port}: ${words.source}`));
    expect(code).toBe(1);
  });

  it('when its certificate is of another name, then nothing is sent to it, and a sentence says why', async () => {
    const connection = await rootConnection(port, authority);
    const shows = async (wish: Parameters<typeof authority.issue>[0]) => {
      tlsFiles(own, 'server', authority, authority.issue(wish));
      await connection.query('ALTER INSTANCE RELOAD TLS');
    };
    await shows({ names: ['db.example'] });
    try {
      const { code, said } = await migrate({ DATABASE_URL: url(), DATABASE_TLS_CA_FILE: files.ca });
      expect(said).toMatch(/its certificate is for another name/);
      expect(code).toBe(1);
    } finally {
      await shows({});
      await connection.end();
    }
  });

  it('when a service has the wrong password, then its log says so, and it goes on by itself once the server takes it', async () => {
    const root = await rootConnection(port, authority);
    await root.query(`CREATE USER 'rotated'@'%' IDENTIFIED BY 'new'`);
    await root.query(`GRANT ALL ON shop_payment.* TO 'rotated'@'%'`);
    const told: unknown[] = [];
    const logger = { error: (fields: object) => told.push(fields), info: () => undefined };
    const database = createDatabase({
      ...{ url: url('rotated', 'old'), security: { tls: { ca: authority.ca } } },
      logger: logger as unknown as NonNullable<Parameters<typeof createDatabase>[0]['logger']>,
    });
    try {
      await expect(database.query('SELECT 1')).rejects.toThrow();
      expect(told).toContainEqual(
        expect.objectContaining({ reason: expect.stringMatching(/does not accept this user or password/) }),
      );
      await root.query(`ALTER USER 'rotated'@'%' IDENTIFIED BY 'old'`);
      const [row] = await eventually('an answer', () => database.query<{ one: number }>('SELECT 1 AS one'));
      expect(row?.one).toBe(1);
    } finally {
      await database.close();
      await root.end();
    }
  });
});
