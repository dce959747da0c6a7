import type { IncomingMessage } from 'node:http';
import { ANYBODY, type Caller, DomainError } from '@shop/chassis';
import type { Tokens } from '../auth/tokens.ts';
import type { Guard, Passage } from '../passage.ts';

/** GATEWAY_AUTH=off: every request is from the user it names. */
export const asAnybody: Guard = (passage) => {
  passage.caller = ANYBODY;
  return undefined;
};

/** Admits public operations, and callers whose token suffices for the route. */
export function authenticate(tokens: Tokens): Guard {
  return (passage) => {
    if (passage.route.access === 'public') return undefined;
    const authorization = authorizationOf(passage);
    const caller = tokens.known(authorization);
    if (caller) {
      accept(passage, caller);
      return undefined;
    }
    return tokens.verify(authorization).then(
      (verified) => accept(passage, verified),
      (error: unknown) => {
        if (error instanceof DomainError && error.code === 'UNAUTHENTICATED')
          challenge(passage, `error="invalid_token", error_description="${error.detail}"`);
        throw error;
      },
    );
  };
}

function accept(passage: Passage, caller: Caller): void {
  if (passage.route.access === 'ops' && !caller.scopes.includes('ops')) {
    challenge(passage, 'error="insufficient_scope", scope="ops"');
    throw new DomainError('FORBIDDEN', 'A token with scope ops is needed.');
  }
  passage.caller = caller;
}

function authorizationOf(passage: Passage): string {
  const { authorization } = passage.request.headers;
  if (authorization === undefined) {
    challenge(passage);
    throw new DomainError('UNAUTHENTICATED', 'A token is needed: Authorization: Bearer …');
  }
  // Node uses the first header; another reader of the request might use the second.
  if (countAuthorization(passage.request) > 1) {
    challenge(passage, 'error="invalid_request"');
    throw new DomainError('UNAUTHENTICATED', 'There must be one Authorization header.');
  }
  return authorization;
}

function countAuthorization({ rawHeaders }: IncomingMessage): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') count++;
  }
  return count;
}

/** RFC 6750 §3: tells the client what is missing. */
function challenge({ response }: Passage, ...reason: readonly string[]): void {
  response.setHeader('WWW-Authenticate', ['Bearer realm="shop"', ...reason].join(', '));
}
