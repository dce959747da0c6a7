import { readdirSync } from 'node:fs';

/**
 * For tests of a shop with the example services. This is their first import, and imports nothing of the shop:
 * services/services.ts reads the variable when it is loaded. So these tests have a process of their own: the project
 * `examples` in jest.config.mjs.
 */
process.env.SHOP_WITH = readdirSync(new URL('../../examples/', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .join(',');
