import { readdirSync } from 'node:fs';

/**
 * For tests of a shop with the example services. This is their first import, and imports nothing of the shop:
 * services/services.ts reads the variable when it is loaded. Jest gives each file a `process.env` of its own.
 */
process.env.SHOP_WITH = readdirSync(new URL('../../examples/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .join(',');
