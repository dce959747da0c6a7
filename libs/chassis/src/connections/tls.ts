import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { ConnectionConfig, ServerKind } from './variables.ts';

/** Whom a TLS connection believes, and what it shows. Each in PEM. */
export interface TlsSettings {
  /** Authorities whose certificates are believed; undefined: those of Node. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * Options of a connection by TLS that checks the server's certificate, also where NODE_TLS_REJECT_UNAUTHORIZED=0 would
 * have Node accept any.
 */
export function verifiedTls(tls: TlsSettings = {}): TlsSettings & { readonly rejectUnauthorized: true } {
  return { ...tls, rejectUnauthorized: true };
}

/** What the configuration says of TLS with one kind of server; undefined where it says nothing. */
export function tlsOf(kind: ServerKind, config: ConnectionConfig): TlsSettings | undefined {
  const [ca, cert, key] = [config[`${kind}_TLS_CA`], config[`${kind}_TLS_CERT`], config[`${kind}_TLS_KEY`]];
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ca, cert, key };
}

/** What is wrong with these settings, each in words that begin with the variable. */
export function tlsFaults(kind: ServerKind, { ca, cert, key }: TlsSettings): string[] {
  const faults = [
    ...certificateFaults(`${kind}_TLS_CA`, ca),
    ...certificateFaults(`${kind}_TLS_CERT`, cert),
    ...(cert !== undefined && key === undefined ? [`${kind}_TLS_KEY is missing: ${kind}_TLS_CERT needs its key`] : []),
    ...(key !== undefined && cert === undefined ? [`${kind}_TLS_CERT is missing: ${kind}_TLS_KEY is its key`] : []),
  ];
  if (faults.length > 0 || cert === undefined || key === undefined) return faults;
  try {
    createSecureContext({ cert, key });
    return [];
  } catch (error) {
    return [`${kind}_TLS_KEY is not the key of ${kind}_TLS_CERT (${error instanceof Error ? error.message : error})`];
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function certificateFaults(variable: string, pem: string | undefined): string[] {
  if (pem === undefined) return [];
  const found = pem.match(CERTIFICATE) ?? [];
  if (found.length === 0) return [`${variable} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)`];
  try {
    for (const each of found) new X509Certificate(each);
    return [];
  } catch (error) {
    return [`${variable} holds no readable certificate (${error instanceof Error ? error.message : error})`];
  }
}
