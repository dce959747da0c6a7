import type { ServerKind } from './variables.ts';

const NAMES: Readonly<Record<ServerKind, string>> = {
  DATABASE: 'MySQL',
  KAFKA: 'Kafka',
  SCHEMA_REGISTRY: 'the schema registry',
  REDIS: 'Redis',
};

/** Where user and password of a kind of server are. */
const LOGINS: Readonly<Record<ServerKind, string>> = {
  DATABASE: 'the database URL',
  KAFKA: 'KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD',
  SCHEMA_REGISTRY: 'SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
  REDIS: 'REDIS_URL',
};

/** What an error's code or text says, in the words of clients and servers, and what it means here. */
const MEANINGS: readonly (readonly [pattern: RegExp, meaning: (kind: ServerKind) => string])[] = [
  [
    /SELF_SIGNED|self[- ]signed cert|UNABLE_TO_(VERIFY|GET)|unable to (verify|get)/i,
    (kind) => `its certificate is of an authority that is not known here: see ${kind}_TLS_CA`,
  ],
  [/CERT_HAS_EXPIRED|certificate has expired/, () => 'its certificate has expired'],
  [/CERT_NOT_YET_VALID|not yet valid/, () => 'its certificate is not valid yet: is a clock wrong?'],
  [
    /ALTNAME_INVALID|certificate's altnames|certificate identify/i,
    () => 'its certificate is for another name than the one in its address',
  ],
  [
    /(TLSV?1|SSLV?3|SSL)_ALERT|alert (number|certificate|bad|unknown|handshake)/i,
    (kind) => `it does not accept the certificate of this process, or its lack: see ${kind}_TLS_CERT`,
  ],
  [
    /WRONG_VERSION_NUMBER|wrong version number|packet length too long|ssl not enabled in the server/i,
    (kind) => `it speaks no TLS: see ${kind === 'REDIS' || kind === 'SCHEMA_REGISTRY' ? `${kind}_URL` : `${kind}_TLS`}`,
  ],
  [/require_secure_transport|insecure transport/i, (kind) => `it demands TLS: see ${kind}_TLS and ${kind}_TLS_CA`],
  [
    /RSA public key|public key retrieval/i,
    () => 'the password would go to another machine without TLS: see DATABASE_TLS',
  ],
  [
    /mechanism is not supported|UNSUPPORTED_SASL|ILLEGAL_SASL_STATE|mechanism .* not enabled/i,
    () => 'it does not take this KAFKA_SASL_MECHANISM',
  ],
  [
    /ER_ACCESS_DENIED|ER_DBACCESS|Access denied for user|SASL\w*Auth|SASL .*failed|WRONGPASS|NOAUTH|without any password/i,
    (kind) => `it does not accept this user or password: see ${LOGINS[kind]}`,
  ],
  [/\bstatus 401\b/, (kind) => `it does not accept this user or password: see ${LOGINS[kind]}`],
  [/\bstatus 403\b/, () => 'this user may not do that'],
];

/**
 * What is wrong between this process and a server, as one sentence for an operator; undefined when the error is
 * something else, such as a server that is away.
 * @param address of the server, without a password
 */
export function connectionFault(kind: ServerKind, address: string, error: unknown): string | undefined {
  const found = words(error);
  const [, meaning] = MEANINGS.find(([pattern]) => pattern.test(found)) ?? [];
  return meaning && `${NAMES[kind]} at ${address}: ${meaning(kind)}`;
}

/** Names, codes and messages of an error and of what caused it. */
function words(error: unknown, depth = 0): string {
  if (!(error instanceof Error) || depth > 4) return depth === 0 ? String(error) : '';
  const { code, status, cause, originalError, errors } = error as Error & Record<string, unknown>;
  const inner = [cause, originalError, ...(Array.isArray(errors) ? errors : [])].map((each) => words(each, depth + 1));
  return [error.name, code, status && `status ${status}`, error.message, ...inner].filter(Boolean).join(' ');
}
