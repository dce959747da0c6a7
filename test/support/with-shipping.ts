/**
 * For tests of a shop with the example service. This is their first import, and imports nothing itself:
 * services/services.ts reads the variable when it is loaded. Jest gives each file a `process.env` of its own.
 */
process.env.SHOP_WITH = 'shipping';
