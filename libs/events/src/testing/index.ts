/** Helpers for tests of code built on messaging. Nothing here is for production. */
