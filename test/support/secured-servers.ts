import { databaseTarget } from '@shop/chassis';
import { type Authority, createAuthority, type Issued } from '@shop/chassis/testing';
import { createConnection } from 'mariadb';
import { mysql } from '../../deploy/local/parts/mysql.ts';
import type { OwnServer, OwnServers } from './own-servers.ts';

/** Files of an authority, of a certificate that it issued, and of its key. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function tlsFiles(own: OwnServers, name: string, { ca }: Authority, { cert, key }: Issued): TlsFiles {
  return {
    ca: own.file(`${name}-ca.pem`, ca),
    cert: own.file(`${name}-cert.pem`, cert),
    key: own.file(`${name}-key.pem`, key),
  };
}

/** Another authority than that of the servers: nobody knows it. */
export const strangers = createAuthority('strangers');

/** A MySQL that talks by TLS only, with a root without a password. */
export function startSecuredMysql(
  own: OwnServers,
  { ca, cert, key }: TlsFiles,
  authority: Authority,
): Promise<OwnServer> {
  return own.start({
    name: 'mysql',
    server: mysql,
    args: (usual) => [
      ...usual,
      '--require-secure-transport=ON',
      ...[`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`],
    ],
    probe: async (port) => (await rootConnection(port, authority)).end(),
  });
}

export function rootConnection(port: number, { ca }: Authority) {
  return createConnection({
    ...databaseTarget(`mysql://root@127.0.0.1:${port}/`, { tls: { ca } }),
    connectTimeout: 2_000,
  });
}
