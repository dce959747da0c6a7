import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** An issuer: its keys, and the address where it publishes some of them. */
export interface Issuer {
  readonly url: string;
  /** The published keys; undefined while it is away. */
  published: readonly string[] | undefined;
  /** The body of its answer, if not the published keys. */
  raw: string | undefined;
  /** It answers after this, with what was published when it was asked. */
  holds: Promise<void>;
  asked: number;
  sign(claims: JWTPayload, options?: { kid?: string; header?: Record<string, unknown> }): Promise<string>;
  close(): Promise<void>;
}

/** Starts an issuer on a port of its own, over real HTTP. */
export async function startIssuer(): Promise<Issuer> {
  const pairs = new Map<string, { alg: string; privateKey: CryptoKey; jwk: object }>();
  for (const [kid, alg] of [
    ['rs', 'RS256'],
    ['rs2', 'RS256'],
    ['es', 'ES256'],
    ['ed', 'EdDSA'],
  ] as const) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    pairs.set(kid, { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
  }
  const server: Server = createServer((_request, response) => {
    issuer.asked++;
    const asItWas = issuer.published;
    const answer = () => {
      if (issuer.raw !== undefined) response.end(issuer.raw);
      else if (!asItWas) response.writeHead(500).end();
      else response.end(JSON.stringify({ keys: asItWas.map((kid) => pairs.get(kid)?.jwk) }));
    };
    void issuer.holds.then(answer);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    published: ['rs'],
    raw: undefined,
    holds: Promise.resolve(),
    asked: 0,
    async sign(claims, { kid = 'rs', header = {} } = {}) {
      const pair = pairs.get(kid);
      if (!pair) throw new Error(`there is no key ${kid}`);
      return await new SignJWT(claims).setProtectedHeader({ alg: pair.alg, kid, ...header }).sign(pair.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}
