/** The document's description of the API as a whole. */
export const ABOUT = {
  info: {
    title: 'Shop',
    version: '1.0.0',
    summary: 'Points, products, orders and coupons of an event-driven shop.',
    description: `
Money is in whole **won**, stock in whole **pieces**, times are ISO 8601 in UTC.

**Who is asking.** \`Authorization: Bearer <JWT>\`; \`sub\` is the user. A user sees and changes only what is theirs: somebody else's is answered as one
that does not exist. Operations for operators want the scope \`ops\`. Where the gateway runs without authentication (\`GATEWAY_AUTH=off\`), \`userId\` in the body
or the query says who is asking.

**Once.** Whatever spends, charges, orders or cancels takes an \`Idempotency-Key\`. The same key with the same body has one effect, and the same outcome is told
again (\`Idempotency-Replayed: true\`); with another body it is 422. Refusals that had no effect are not remembered.

**Errors** are \`application/problem+json\`. Programs decide by \`code\`, which is stable. 429 and 503 say in \`Retry-After\` when to come again; a read may
be answered with its last good answer instead (\`Warning: 110\`).

**Lists** are pages: \`nextCursor\` of one is \`cursor\` of the next. Bodies are JSON of 64 KiB at most; unknown fields are refused.
Texts that are stored are one line without control characters.
Ids that are UUIDs are the same in capital letters; answers have them in small ones.

What the services tell each other is in the [catalogue of events](/docs/events).
`.trim(),
  },
  servers: [{ url: '/', description: 'The gateway that serves this document.' }],
  tags: [
    { name: 'session', description: 'Who is asking.' },
    { name: 'products', description: 'What can be bought.' },
    { name: 'orders', description: 'Buying: accepted at once, ended within a second.' },
    { name: 'coupons', description: 'First come, first served.' },
    { name: 'points', description: 'The money here.' },
    { name: 'operations', description: 'For operators.' },
    { name: 'gateway', description: 'The gateway itself.' },
  ],
} as const;
