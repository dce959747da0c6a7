import { seeded } from '../profiles.ts';
import { type LoadRequest, requestsOf } from '../traffic.ts';
import type { Share } from './plan.ts';

/** The next request of a mix, with the name of its share. */
export interface MixedRequest {
  readonly share: string;
  readonly request: LoadRequest;
}

/**
 * The requests of a mix: kinds drawn by weight, the same each time.
 * @param run prefix of every idempotency key
 */
export function mixedRequests(mix: readonly Share[], run: string): () => MixedRequest {
  const random = seeded(97);
  const all = mix.reduce((sum, { weight }) => sum + weight, 0);
  const makers = mix.map(({ name, weight, traffic }) => {
    let count = 0;
    // The rate only sets how many orders wait for their end.
    const requestAt = requestsOf(traffic, 1_000, `${run}-${name}`);
    return { name, weight, next: () => requestAt(count++) };
  });
  return () => {
    let drawn = random() * all;
    const maker = makers.find(({ weight }) => {
      drawn -= weight;
      return drawn < 0;
    });
    const chosen = maker ?? makers[0];
    if (!chosen) throw new Error('There is nothing in the mix');
    return { share: chosen.name, request: chosen.next() };
  };
}

/** A request in wire format. Bodies and headers of a load are plain ASCII. */
export function requestText({ method, path, headers, body }: LoadRequest, host: string): string {
  let text = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
  for (const [name, value] of Object.entries(headers)) text += `${name}: ${value}\r\n`;
  return body === undefined ? `${text}\r\n` : `${text}content-length: ${body.length}\r\n\r\n${body}`;
}
