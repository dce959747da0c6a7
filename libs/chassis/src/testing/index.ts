/** Helpers for tests on real servers. Nothing here is for production. */

export { type Authority, createAuthority, type Issued } from './certificates.ts';
export { eventually } from './eventually.ts';
export { migratedSchema } from './migrated-schema.ts';
export { noting } from './noting.ts';
export { describePrismaSchema } from './prisma-schema.ts';
export { type TestDatabase, testServerUrl, uniqueSchemaDatabase } from './unique-schema.ts';
