/** Helpers for tests of whatever is built on messaging. Nothing here is for production. */
