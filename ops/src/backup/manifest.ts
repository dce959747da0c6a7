import { z } from 'zod';
import type { ServiceName } from '../../../services/services.ts';
import { schemaOf } from '../../../services/services.ts';

/** The format that this build writes, and the newest that it reads. Format 1 did not have `unreadSince`. */
export const FORMAT = 2;
export const MANIFEST = 'manifest.json';

const table = z.strictObject({
  name: z.string(),
  rows: z.number().int(),
  /** SHA-256 of the table's lines in the file. */
  sha256: z.string(),
});

const serviceBackup = z.strictObject({
  service: z.string(),
  schema: z.string(),
  file: z.string(),
  /** SHA-256 of the compressed file. */
  sha256: z.string(),
  migrations: z.array(z.strictObject({ name: z.string(), checksum: z.string() })),
  tables: z.array(table),
  /** When the service had last handled an event, by the database's clock; null: it never had. */
  lastHandledAt: z.iso.datetime().nullable(),
  /**
   * Nothing that was sent before this time was unread by a group of the service, by the clocks of the topics; null: not
   * known, since Kafka was away.
   */
  unreadSince: z.iso.datetime().nullable().default(null),
});
export type ServiceBackup = z.infer<typeof serviceBackup>;

const manifest = z.strictObject({
  format: z.literal([1, FORMAT]),
  /** When the backup began, by the database's clock. All its schemas are of one moment, which is not before this. */
  beganAt: z.iso.datetime(),
  server: z.strictObject({ kind: z.enum(['MySQL', 'MariaDB']), version: z.string() }),
  /** Version of the shop that took it. */
  release: z.string(),
  /** Where the binary log stood at that moment; null: there is none, or its position may not be read. */
  binaryLog: z.strictObject({ file: z.string(), position: z.number().int() }).nullable(),
  services: z.array(serviceBackup),
});
export type Manifest = z.infer<typeof manifest>;

/** A backup cannot be restored, or not here. The message is a sentence for an operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

/** @throws BackupError for what is no manifest, and for one of a newer build */
export function readManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BackupError(`its ${MANIFEST} is damaged: it is no JSON`);
  }
  const format = z.object({ format: z.number() }).safeParse(value).data?.format;
  if (format !== undefined && format > FORMAT)
    throw new BackupError(`it has format ${format}, and this build knows up to ${FORMAT}: use the build that took it`);
  const parsed = manifest.safeParse(value);
  if (!parsed.success) throw new BackupError(`its ${MANIFEST} is damaged: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** A migration of a service, with the SHA-256 of its file. */
export interface Migration {
  readonly name: string;
  readonly checksum: string;
}

/**
 * The part of a backup that restores this service.
 * @param known migrations of the release that is installed
 * @throws BackupError when there is none, or it is of another schema or of another or newer release
 */
export function partFor(manifest: Manifest, service: ServiceName, known: readonly Migration[]): ServiceBackup {
  const part = manifest.services.find((it) => it.service === service);
  if (!part)
    throw new BackupError(
      `it holds nothing of ${service}, only ${manifest.services.map((it) => it.service).join(', ')}`,
    );
  if (part.schema !== schemaOf(service))
    throw new BackupError(`its ${service} is the schema ${part.schema}, not ${schemaOf(service)}`);
  const checksums = new Map(known.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum } of part.migrations) {
    const own = checksums.get(name);
    if (own === undefined)
      throw new BackupError(
        `${service} had the migration ${name}, which this release does not know: it is newer, or another's`,
      );
    if (own !== checksum)
      throw new BackupError(`${service} had another migration ${name}: the backup is another shop's`);
  }
  return part;
}

/** Clocks of producers, whose times the topics have, may differ from the database's by this much, ms. */
const MARGIN_MS = 60_000;

/**
 * From when on the topics bring a restored service forward: before the backup, before the last event it knows, and
 * before the first event that a group of it had not read yet.
 */
export function recoverFrom(manifest: Manifest, { lastHandledAt, unreadSince }: ServiceBackup): Date {
  const began = Date.parse(manifest.beganAt);
  const handled = lastHandledAt === null ? began : Date.parse(lastHandledAt);
  const unread = unreadSince === null ? began : Date.parse(unreadSince);
  return new Date(Math.min(began - MARGIN_MS, handled - MARGIN_MS, unread));
}
